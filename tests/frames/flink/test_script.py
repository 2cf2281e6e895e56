"""The statements for Flink, as they are filled in."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from metrics.frames.core.windows import Series
from metrics.frames.flink import rejected
from metrics.frames.flink.script import Begin, interval, restoring, script, statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.sizes import SIZES
from metrics.wording.errors import SettingsError

SETTINGS = FlinkSettings(bootstrap_servers="broker:9092")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 00:00:00"), (5, "0 00:00:05"), (61, "0 00:01:01"), (3_600, "0 01:00:00"), (86_400, "1 00:00:00")],
)
def test_an_interval_has_days_hours_minutes_and_seconds(seconds: int, text: str) -> None:
    assert interval(seconds) == text


def test_every_statement_is_whole_and_the_last_one_starts_the_job() -> None:
    found = statements(SETTINGS)
    assert {statement.split()[0] for statement in found} == {"SET", "CREATE", "EXECUTE"}
    assert found[-1].startswith("EXECUTE STATEMENT SET BEGIN")
    assert found[-1].count("INSERT INTO") == 2
    assert all(statement.count("(") == statement.count(")") for statement in found)
    assert not any("${" in statement or "--" in statement for statement in found)


def test_a_job_begins_at_the_beginning_and_has_no_end_unless_it_is_told() -> None:
    assert "'scan.startup.mode' = 'earliest-offset'" in script(SETTINGS)
    assert "bounded" not in script(SETTINGS)
    assert "'scan.bounded.mode' = 'latest-offset'" in script(SETTINGS, until_end=True)


def test_a_job_that_continues_begins_at_offsets_and_with_what_is_published() -> None:
    series = {1: Series(70, 3, 12, closed_through=71), 60: Series(0, 1, 2, closed_through=60)}
    text = script(SETTINGS, Begin({1: 40, 0: 7}, {0: 75, 1: -1}, series))
    assert "'scan.startup.specific-offsets' = 'partition:0,offset:7;partition:1,offset:40'" in text
    assert "CASE kafka_partition WHEN 0 THEN 75 ELSE -1 END" in text
    assert ">= GREATEST(passed_s, 71) / 1;" in text
    assert ">= GREATEST(passed_s, 60) / 60;" in text
    assert "COALESCE(LAG(start_s) OVER (ORDER BY event_time), 70) - 1" in text
    assert re.search(r"\n  12 \+ SUM\(number\).*\n  3 \+ SUM", text)


@pytest.mark.parametrize(("align_s", "ahead_s"), [(7, 7), (20, 20), (120, 20)])
def test_partitions_are_no_more_than_20_s_apart(align_s: int, ahead_s: int) -> None:
    text = script(FlinkSettings(bootstrap_servers="broker:9092", align_s=align_s))
    assert f"'scan.watermark.alignment.max-drift' = '{ahead_s} s'" in text


def test_both_sinks_write_under_ids_of_their_own() -> None:
    prefixes = re.findall(r"'sink.transactional-id-prefix' = '(.*)'", script(SETTINGS))
    assert prefixes == ["frames-metrics-flink-seconds", "frames-metrics-flink-minutes"]


@pytest.mark.parametrize("write", [script, rejected.script])
def test_no_job_begins_where_the_group_is_and_names_of_transactions_are_used_again(write: Callable[..., str]) -> None:
    text = write(SETTINGS)
    assert "group-offsets" not in text
    sinks = text.count("'sink.delivery-guarantee' = 'exactly-once'")
    assert sinks == text.count("'sink.transaction-naming-strategy' = 'pooling'") > 0
    assert sinks == text.count("'properties.transaction.timeout.ms' = '600000'")


@pytest.mark.parametrize("write", [script, rejected.script])
def test_every_sink_has_one_task_so_that_no_id_of_a_transaction_is_left_behind(write: Callable[..., str]) -> None:
    text = write(SETTINGS, parallelism=8)
    assert text.count("'sink.parallelism' = '1'") == text.count("'sink.transactional-id-prefix'") > 0


def test_the_sql_itself_warns_of_more_tasks_than_partitions() -> None:
    before, _, _ = script(SETTINGS, parallelism=8).partition("SET 'parallelism.default' = '8';")
    assert before.splitlines()[-1].startswith("-- Never more than the input has partitions: a task without one")
    assert not any("Never" in statement for statement in statements(SETTINGS))


@pytest.mark.parametrize("write", [script, rejected.script])
def test_both_jobs_read_committed_frames_alone(write: Callable[..., str]) -> None:
    assert "'properties.isolation.level' = 'read_committed'" in write(SETTINGS)


@pytest.mark.parametrize("write", [script, rejected.script])
def test_a_checkpoint_is_taken_every_second_or_as_often_as_the_setting_says(write: Callable[..., str]) -> None:
    rare = FlinkSettings.load({"BOOTSTRAP_SERVERS": "broker:9092", "FLINK_CHECKPOINT_S": "10"})
    assert "SET 'execution.checkpointing.interval' = '1 s';" in write(SETTINGS)
    assert "SET 'execution.checkpointing.interval' = '10 s';" in write(rare)


@pytest.mark.parametrize("wrong", ["0", "301", "1.5"])
def test_an_interval_of_checkpoints_that_transactions_would_not_outlive_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="settings cannot be used") as refused:
        FlinkSettings.load({"FLINK_CHECKPOINT_S": wrong})
    assert f"FLINK_CHECKPOINT_S='{wrong}'" in refused.value.why


@pytest.mark.parametrize(
    "wrong",
    ["foo", "127.0.0.1:8083", "gateway:8083", "ftp://gateway:8083", "http://", "http://gateway:0", "http://gateway/?a"],
)
def test_an_address_of_the_gateway_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="settings cannot be used") as refused:
        FlinkSettings.load({"FLINK_URL": wrong})
    assert f"FLINK_URL={wrong!r}: must be http://host:port" in refused.value.why


def test_a_password_in_the_address_of_the_gateway_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="settings cannot be used") as refused:
        FlinkSettings.load({"FLINK_URL": "http://user:swordfish@gateway:8083"})
    assert "FLINK_URL='***@gateway:8083'" in refused.value.why
    assert "swordfish" not in str(refused.value)


@pytest.mark.parametrize("address", ["http://gateway:8083", "https://host/flink/", "http://[::1]:8083/"])
def test_the_address_of_the_gateway_may_have_a_path(address: str) -> None:
    assert FlinkSettings.load({"FLINK_URL": address}).flink_url == address


def test_the_job_for_dead_letters_has_a_name_a_topic_and_transactions_of_its_own() -> None:
    found = rejected.statements(SETTINGS, parallelism=3, until_end=True)
    text = "\n".join(found)
    assert "SET 'pipeline.name' = 'frames-metrics-flink-rejected'" in text
    assert "'topic' = 'frames-rejected-flink'" in text
    assert "'sink.transactional-id-prefix' = 'frames-metrics-flink-rejected'" in text
    assert found[-1].startswith("INSERT INTO rejected_out")
    assert {statement.split()[0] for statement in found} == {"SET", "CREATE", "INSERT"}


@pytest.mark.parametrize("suffix", ["/x", "ü", "a b", "-" * 235])
def test_a_suffix_with_which_a_topic_has_no_name_is_refused(suffix: str) -> None:
    with pytest.raises(SettingsError, match="settings cannot be used") as refused:
        FlinkSettings.load({"FLINK_TOPIC_SUFFIX": suffix})
    assert f"FLINK_TOPIC_SUFFIX='{suffix}'" in refused.value.why


def test_a_suffix_may_have_what_a_topic_may_have() -> None:
    settings = FlinkSettings.load({"FLINK_TOPIC_SUFFIX": "-by_flink.2"})
    assert settings.flink_rejected_topic == "frames-rejected-by_flink.2"


def test_what_a_job_has_read_is_not_mixed_with_what_one_of_the_group_has() -> None:
    begin = Begin({0: 0}, {0: -1}, {size.size_s: Series() for size in SIZES}, {})
    assert "'properties.group.id' = 'frames-metrics-flink'," in script(FlinkSettings())
    assert "'properties.group.id' = 'frames-metrics-flink-handover'," in script(FlinkSettings(), begin)


@pytest.mark.parametrize("write", [script, rejected.script])
def test_a_quote_in_a_text_does_not_end_it(write: Callable[..., str]) -> None:
    names = ("consumer_group_id", "input_topic", "rejected_topic", *(size.topic_setting for size in SIZES))
    texts: dict[str, Any] = {name: f"{name} o'brien" for name in names}
    found = write(FlinkSettings(bootstrap_servers="o'brien:9092", **texts))
    assert "o'brien" not in found
    for name in ("consumer_group_id", "input_topic"):
        assert f"'{name} o''brien" in found


def test_the_path_of_a_savepoint_is_quoted() -> None:
    assert restoring(None) == []
    assert restoring("/it's/savepoint-1") == ["SET 'execution.state-recovery.path' = '/it''s/savepoint-1'"]
