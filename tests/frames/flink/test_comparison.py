"""`flink verify` on a real broker: whatever Flink's topics have that the application's have not is named."""

from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.kafka.application import TIMEOUT_S, Application

pytestmark = pytest.mark.broker

Row = tuple[str, str, int]  # key, value, timestamp in milliseconds

SECONDS: list[Row] = [("2016-07-11T13:39:00Z", "a", 1468244340_000), ("2016-07-11T13:39:01Z", "b", 1468244341_000)]
MINUTES: list[Row] = [("2016-07-11T13:39:00Z", "c", 1468244340_000)]


def write(application: Application, role: str, rows: list[Row], partitions: int = 1) -> None:
    topic = application.topic(role)
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    config = {"message.timestamp.after.max.ms": "9223372036854775807"}
    admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(TIMEOUT_S)
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    for key, value, timestamp_ms in rows:
        producer.produce(topic, value, key, partition=0, timestamp=timestamp_ms)
    assert producer.flush(TIMEOUT_S) == 0


def verdict(application: Application, seconds: list[Row], minutes: list[Row] = MINUTES) -> dict[str, Any]:
    """Return what `flink verify` finds if Flink has published these records, and the application the others."""
    write(application, "seconds", SECONDS)
    write(application, "minutes", MINUTES)
    write(application, "seconds-flink", seconds)
    write(application, "minutes-flink", minutes)
    is_equal = (seconds, minutes) == (SECONDS, MINUTES)
    found = application.answer("flink", "verify", "--json", exit_code=0 if is_equal else 1)
    assert found["agrees"] == is_equal
    return found


def test_equal_records_agree(application: Application) -> None:
    found = verdict(application, SECONDS)
    assert [(size["equal"], size["application"], size["flink"]) for size in found["sizes"]] == [(2, 2, 2), (1, 1, 1)]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(("2016-07-11T13:39:02Z", "b", 1468244341_000), id="key"),
        pytest.param(("2016-07-11T13:39:01Z", "b ", 1468244341_000), id="value"),
        pytest.param(("2016-07-11T13:39:01Z", "b", 1468244341_001), id="timestamp"),
    ],
)
def test_a_record_with_another_key_value_or_timestamp_is_named(application: Application, row: Row) -> None:
    second = verdict(application, [SECONDS[0], row])["sizes"][0]
    assert second["equal"] == 1
    assert second["first"]["flink"] == dict(zip(("key", "value", "timestamp_ms"), row, strict=True))
    assert second["first"]["application"]["value"] == "b"


def test_a_side_that_is_further_is_named(application: Application) -> None:
    second = verdict(application, SECONDS[:1])["sizes"][0]
    assert (second["equal"], second["application"], second["flink"], second["first"]) == (1, 2, 1, None)
    said = application.run("flink", "verify", exit_code=1)
    assert "second: Flink has published 1 record fewer so far\n" in said
    assert said.endswith("\nequal so far, byte for byte\n")


def test_records_in_another_order_differ(application: Application) -> None:
    assert verdict(application, SECONDS[::-1])["sizes"][0]["equal"] == 0


def test_nothing_at_all_does_not_agree(application: Application) -> None:
    for role in ("seconds", "minutes", "seconds-flink", "minutes-flink"):
        write(application, role, [])
    assert "neither side has published a window" in application.run("flink", "verify", exit_code=1)


def test_a_topic_that_is_missing_or_has_no_order_is_an_error(application: Application) -> None:
    write(application, "seconds", SECONDS)
    assert "it does not exist" in error(application)
    write(application, "seconds-flink", SECONDS, partitions=2)
    assert "it has 2 partitions" in error(application)


def error(application: Application) -> str:
    process = application.start("flink", "verify")
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 5
    return errors
