"""The access rules in docs/flink.md: with them, and nothing else, jobs run on a real broker and a real Flink."""

import re
from pathlib import Path

import pytest
from confluent_kafka.admin import ResourcePatternType as Pattern

from metrics.frames.flink.settings import FlinkSettings
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.inputs import GAP_LIMIT_S, PARTITIONS, mixed, send
from tests.frames.flink.records import run, written
from tests.kafka.access import allow, guarded, let_in_as
from tests.kafka.application import PROJECT, Application

pytestmark = [pytest.mark.broker, pytest.mark.flink, pytest.mark.long, pytest.mark.timeout(900)]

PAGE = (PROJECT / "docs/flink.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (topic|group|transaction)(, prefixed)? \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_the_documented_rules_are_enough(flink: Cluster, tmp_path: Path) -> None:
    with guarded(tmp_path, ["flink"]) as addresses:
        owner = Application(addresses["OPEN"], {"GAP_LIMIT_S": f"{GAP_LIMIT_S}", "FLINK_URL": flink.url})
        owner.create_topics(PARTITIONS)
        send(owner, mixed())
        run(owner, "--until-end")
        job = Application(addresses["PASSWORD"], {**owner.variables}, owner.name)
        let_in_as(job, "flink")
        suffix = FlinkSettings.load(job.environment()).flink_topic_suffix
        for kind, is_prefixed, names, operations in ROW.findall(PAGE):
            [*variables] = re.findall(r"`([A-Z_]+)`", names)
            end = suffix if "FLINK_TOPIC_SUFFIX" in variables else ""
            for variable in set(variables) - {"FLINK_TOPIC_SUFFIX"}:
                pattern = Pattern.PREFIXED if is_prefixed else Pattern.LITERAL
                allow(addresses["OPEN"], "flink", kind, job.environment()[variable] + end, operations, pattern)
        run(job, "flink", "run", "--until-end")
        run(job, "flink", "run", "--until-end", "--rejected")
        assert written(owner, suffix) == written(owner)
        assert owner.read("rejected" + suffix)
        assert any(at["position"] for at in job.answer("flink", "status", "--json")["partitions"])
