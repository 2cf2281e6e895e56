"""Records of a real Flink, which are those of the application: keys, values and timestamps, in order."""

import json
from collections.abc import Callable, Sequence

import pytest

from metrics.frames.flink.local_cluster.settings import TASK_MANAGERS
from metrics.frames.flink.script import MOST_GAP_S
from tests.frames.flink import inputs
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.inputs import GAP_LIMIT_S, Frames
from tests.frames.flink.kinds import INVALID, VALID, at
from tests.frames.flink.records import Written, run, written
from tests.kafka.application import LIVE, Application, frame

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("frames", "parallelism"),
    [
        pytest.param(inputs.ordered, 1),
        pytest.param(inputs.ordered, 2, marks=pytest.mark.long),
        pytest.param(inputs.delayed, 1, marks=pytest.mark.long),
        pytest.param(inputs.delayed, 2),
        pytest.param(inputs.mixed, 1),
        pytest.param(inputs.mixed, 2, marks=pytest.mark.long),
    ],
)
def test_flink_publishes_the_records_of_the_application(
    application: Application, flink: Cluster, frames: Callable[[], Frames], parallelism: int
) -> None:
    application.variables |= {"FLINK_URL": flink.url, "GAP_LIMIT_S": f"{GAP_LIMIT_S}"}
    application.create_topics(inputs.PARTITIONS)
    inputs.send(application, frames())
    run(application, "--until-end")
    expected = written(application)
    require_much(expected, is_mixed=frames is inputs.mixed)
    run(application, "flink", "run", "--until-end", "--parallelism", f"{parallelism}")
    assert written(application, "-flink") == expected


def test_times_are_read_as_by_the_application_where_their_seconds_get_a_tenth_digit(
    application: Application, flink: Cluster
) -> None:
    application.variables["FLINK_URL"] = flink.url
    application.create_topics()
    kinds = [value for kind, value in VALID.items() if "ts" in kind]
    kinds += [value for value, reason in INVALID.values() if value and reason in {"wrong_ts", "ts_out_of_range"}]
    application.send(at(value, second) for second in range(999_999_970, 1_000_000_030) for value in kinds)
    run(application, "--until-end")
    expected = written(application)
    assert len(expected[0]) > 50
    run(application, "flink", "run", "--until-end")
    assert written(application, "-flink") == expected


@pytest.mark.long
def test_the_longest_gaps_are_filled_one_after_the_other(application: Application, flink: Cluster) -> None:
    application.variables |= {"FLINK_URL": flink.url, "GAP_LIMIT_S": f"{MOST_GAP_S}"}
    application.create_topics()
    application.send([frame(inputs.START + nth * (MOST_GAP_S + 1), "a") for nth in range(6)], timestamp=LIVE)
    run(application, "--until-end")
    expected = written(application)
    assert [*map(len, expected)] == [5 * 86_401 + 1, 5 * 1_440 + 1]
    run(application, "flink", "run", "--until-end")
    assert written(application, "-flink") == expected
    assert len(flink.task_managers()) == TASK_MANAGERS, "none has run out of memory"


def require_much(records: Sequence[Sequence[Written]], *, is_mixed: bool) -> None:
    """Check that a comparison of these records says something."""
    seconds, minutes = ([json.loads(each.value or b"") for each in of_size] for of_size in records)
    assert len(seconds) > 80
    assert len(minutes) > 2
    assert len({second["avg_num_of_frames"] for second in seconds}) > 50
    if is_mixed:
        assert any(second.get("gap_s", 0) > GAP_LIMIT_S for second in seconds)
        assert any(second["num_of_frames"] == 0 for second in seconds)
        assert any(minute["unique_users"] == 0 for minute in minutes)
        assert sum(second["num_of_frames"] for second in seconds) < sum(minute["num_of_frames"] for minute in minutes)
