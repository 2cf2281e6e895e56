"""What a real Flink plans for the statements: the work of a frame, and that it is spread over all tasks."""

import pytest

from metrics.frames.flink.gateway import session
from metrics.frames.flink.script import statements
from metrics.frames.flink.settings import FlinkSettings
from tests.frames.flink.cluster import Cluster

pytestmark = pytest.mark.flink


@pytest.fixture
def plan(flink: Cluster) -> list[str]:
    """Give the steps that Flink takes, one a line, from the records back to the input."""
    *before, insert = statements(FlinkSettings(bootstrap_servers="broker:9092"), parallelism=2)
    with session(flink.url) as gateway:
        for statement in before:
            gateway.run(statement)
        (row,) = gateway.run(insert.replace("EXECUTE", "EXPLAIN", 1)).rows
    _, _, steps = row["result"].partition("== Optimized Execution Plan ==")
    return [line.lstrip(" +-") for line in steps.splitlines() if line.strip()]


def test_the_time_of_a_frame_is_worked_out_once_and_the_users_of_a_minute_by_many_tasks(plan: list[str]) -> None:
    (source,) = (step for step in plan if step.startswith("Calc") and "REGEXP(ts" in step)
    assert source.count("'^(-0+|0*[0-9]{1,12})$'") == 1
    (judged,) = (step for step in plan if step.startswith("OverAggregate(partitionBy=[kafka_partition]"))
    assert "select=[uid, kafka_partition, frame_time, frame_arrival, MAX(frame_time) AS" in judged
    distinct = next(number for number, step in enumerate(plan) if step.startswith("GlobalWindowAggregate(groupBy"))
    counted, exchange, before = plan[distinct : distinct + 3]
    assert "COUNT(distinct" in counted
    assert exchange.startswith("Exchange(distribution=[hash[")
    assert before.startswith("LocalWindowAggregate(groupBy")
