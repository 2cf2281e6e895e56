"""What a stage costs, by hand."""

from benchmark.sides import KCAT
from benchmark.stages.session import Row, rows
from benchmark.stages.worker import STAGES, Cost, Stage


def test_a_stage_costs_what_its_runs_take_more_than_those_before_by_their_medians() -> None:
    take, decode = (Stage(name, "", STAGES[0].run) for name in ("take", "decode"))
    found = {
        KCAT: [Cost(1_000_000, 2.0, 0.0)],
        "take": [Cost(1_000_000, wall_s, 1.0) for wall_s in (1.0, 9.0, 2.0)],
        "decode": [Cost(2_000_000, wall_s, 6.0) for wall_s in (10.0, 10.0, 90.0)],
    }
    fetched, taken, decoded, everything = rows(found, (take, decode))
    assert (fetched.stage, fetched.wall_us) == ("fetch", 2.0)
    assert taken == Row("take", 2.0, 1.0, "")
    assert decoded == Row("decode", 3.0, 2.0, "")
    assert (everything.wall_us, everything.thread_us) == (5.0, 3.0)
