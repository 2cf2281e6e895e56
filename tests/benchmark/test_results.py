"""Summary of runs: the figures of the table, worked out by hand."""

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmark import results
from benchmark.machine import Circumstances
from benchmark.process import Measured
from benchmark.rounds import Run, SideReport, in_turn
from benchmark.sides import SIDES, Side
from benchmark.truth import Truth
from metrics.terminal.tables import folded

KCAT, CONSUME, OURS, QUIX = (
    next(side for side in SIDES if side.name == name) for name in ("kcat", "consume", "ours", "quix")
)
FRAMES = 1_000


def ran(side: Side, number: int, seconds: float, cpu_s: float = 1.0, peak_mb: int = 10) -> Run:
    measured = Measured(0.0, seconds, cpu_s, peak_mb * 1_000_000, exit_code=0)
    report = None if side is KCAT else SideReport(FRAMES, first_frame_s=0.5, last_frame_s=seconds)
    return Run(side, number, measured, report, windows=3 if side.counts else 0)


RUNS = [
    *(ran(KCAT, number, seconds) for number, seconds in ((1, 1.0), (2, 2.0), (3, 1.0))),
    *(
        ran(OURS, number, seconds, cpu_s, peak_mb)
        for number, seconds, cpu_s, peak_mb in ((1, 2.0, 3, 90), (2, 2.5, 5, 80), (3, 4.0, 4, 85))
    ),
    ran(QUIX, 1, 50.0),
    ran(QUIX, 2, 50.0)._replace(problems=["1 second wrong"]),
    Run(QUIX, 3, failure="exit code 1", last_errors="out of luck"),
]


def test_rates_are_medians_and_each_run_is_compared_with_the_drain_of_its_round() -> None:
    # Ours takes 2, 2.5 and 4 s: 500, 400 and 250 frames/s; the drains 1, 2 and 1 s, so 0.5, 0.8 and 0.25 of them.
    # From the first frame on, it takes 1.5, 2 and 3.5 s: 667, 500 and 286 frames/s.
    kcat, ours = results.rows([KCAT, OURS], RUNS, FRAMES)
    assert kcat == ("kcat", "1,000", "-", "-", "1.000", "1.000", "1.000", "1.00", "10", "-")
    assert ours == ("ours", "400", "500", "0.50", "0.250", "0.500", "0.800", "4.00", "90", "right")


def test_a_side_that_failed_or_was_wrong_is_marked() -> None:
    [quix] = results.rows([QUIX], RUNS, FRAMES)
    assert (quix[1], quix[-1]) == ("20", "failed in 1 of 3")
    [quix] = results.rows([QUIX], [run for run in RUNS if run.failure is None], FRAMES)
    assert quix[-1] == "wrong in 1 of 2"
    [quix] = results.rows([QUIX], RUNS[-1:], FRAMES)
    assert quix[1:] == (*["-"] * 8, "failed in 1 of 1")


def test_without_the_drain_there_are_no_shares() -> None:
    [consume] = results.rows([CONSUME], [ran(CONSUME, 1, 2.0)], FRAMES)
    assert consume[4:7] == ("-", "-", "-")


def test_a_failed_run_shows_its_last_errors_and_a_wrong_one_the_differences() -> None:
    assert results.as_line(RUNS[-1], FRAMES) == "round 3  quix              failed: exit code 1\n    out of luck"
    assert "\n    wrong: 1 second wrong" in results.as_line(RUNS[-2], FRAMES)


def test_the_tables_fit_80_columns_with_every_name_whole() -> None:
    table = results.as_table(results.rows(SIDES, [ran(side, 1, 1.0) for side in SIDES], 1_000_000))
    console = Console(width=80)
    pages = folded(table, 80, before="of kcat: min")
    assert len(pages) > 1
    for page in pages:
        with console.capture() as capture:
            console.print(page)
        shown = capture.get()
        assert "…" not in shown
        assert all(f"\n{side.name} " in shown for side in SIDES)
        assert len(shown.splitlines()) == 1 + len(SIDES)


def test_the_page_has_the_table_the_versions_and_what_went_wrong(tmp_path: Path) -> None:
    truth = Truth(FRAMES, 2_080 * FRAMES, 7, {}, {})
    at = datetime(2016, 7, 11, 13, 40, tzinfo=UTC)
    circumstances = Circumstances("pipenv run bench", at, ["Broker: a broker", "Python: 3"])
    results.write(tmp_path / "RESULTS.md", [KCAT, QUIX], RUNS, truth, circumstances)
    page = (tmp_path / "RESULTS.md").read_text()
    assert "`pipenv run bench` on 2016-07-11 13:40 UTC: 1,000 frames of 2,080 bytes on average" in page
    assert "one partition, 3 rounds.\n" in page
    assert "\n| quix | 20 |" in page
    assert "\n- Broker: a broker\n- Python: 3\n" in page
    assert page.endswith("- quix, round 2: 1 second wrong\n- quix, round 3: failed: exit code 1\n")


def test_each_round_runs_every_side_once_in_its_own_order() -> None:
    orders = [in_turn(SIDES, number) for number in (1, 2, 3)]
    assert all(sorted(order) == sorted(SIDES) for order in orders)
    assert len({tuple(side.name for side in order) for order in orders}) == 3
