"""Rejected and republished frames on a real broker: what they keep, and what their topics do not take."""

import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.kafka.application import Application, finish, frame, wait_until

T = 1468244340
DAY_MS = 86_400_000


def test_a_rejected_frame_keeps_its_key_bytes_and_timestamp(application: Application) -> None:
    application.create_topics()
    application.send([b"no frame"], key=b"key", timestamp=1468244384_123)
    application.run("--until-end")
    [rejected] = application.read("rejected")
    assert (rejected.key(), rejected.value(), rejected.timestamp()[1]) == (b"key", b"no frame", 1468244384_123)


def test_a_republished_frame_keeps_its_key_headers_timestamp_and_partition(application: Application) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topics(3)
    for partition in (2, 0):
        how = {"key": b"k%d" % partition, "headers": [("trace", b"\x00\xff")], "timestamp": 1468244384_000 + partition}
        application.send([frame(T, "a")] * 5, partition, **how)
    application.run("--until-end")
    kept = [(m.partition(), m.key(), m.headers(), m.timestamp()[1]) for m in application.read("republished")]
    assert kept == [
        *[(0, b"k0", [("trace", b"\x00\xff")], 1468244384_000)] * 5,
        *[(2, b"k2", [("trace", b"\x00\xff")], 1468244384_002)] * 5,
    ]


def test_a_republished_stream_with_fewer_partitions_gets_all_frames(application: Application, tmp_path: Path) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topic("republished")
    frames = [frame(T, str(number)) for number in range(6)]
    application.prepare(tmp_path, frames, "--partitions", "3")
    application.run("--until-end")
    assert sorted(m.value() or b"" for m in application.read("republished")) == frames


@pytest.mark.parametrize("ahead_ms", [DAY_MS, -400 * DAY_MS])
def test_a_timestamp_that_its_topic_refuses_does_not_stop_the_job(application: Application, ahead_ms: int) -> None:
    narrow = {"message_timestamp_after_max_ms": "3600000", "message_timestamp_before_max_ms": "3600000"}
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topic("rejected", **narrow)
    application.create_topic("republished", **narrow)
    application.create_topic("frames", message_timestamp_after_max_ms=str(2 * DAY_MS))
    application.create_topics()
    now_ms = int(time.time() * 1000)
    application.send([frame(T, "a"), b"no frame"], timestamp=now_ms + ahead_ms)
    application.run("--until-end")
    for role, value in (("republished", frame(T, "a")), ("rejected", b"no frame")):
        [kept] = application.read(role)
        assert kept.value() == value
        assert abs(kept.timestamp()[1] - now_ms) < 3_600_000
    assert application.seconds() == [(T, 1, 1.0, 0)]


def test_a_rejected_frame_larger_than_its_topic_takes_is_cut_and_says_so(application: Application) -> None:
    application.create_topic("rejected", max_message_bytes="50000")
    application.create_topics()
    fits, large = b"[" * 49_000, b"{" * 60_000
    application.send([fits, large], key=b"key")
    application.send([b"x"], key=b"k" * 80_000)
    application.send([frame(T, "a")])
    application.run("--until-end")
    whole, cut, keyed = application.read("rejected")
    assert whole.value() == fits
    assert "cut_from_bytes" not in dict(whole.headers() or [])
    assert cut.key() == b"key"
    assert 49_000 < len(cut.value() or b"") < 50_000
    headers = dict(cut.headers() or [])
    assert (headers["cut_from_bytes"], headers["offset"], headers["reason"]) == (b"60000", b"1", b"not_json")
    assert keyed.value() == b"x"
    assert application.seconds() == [(T, 1, 1.0, 0)]


def test_a_valid_frame_larger_than_the_stream_takes_counts_and_is_a_dead_letter(application: Application) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topic("republished", max_message_bytes="50000")
    application.create_topics()
    large = frame(T, "b" * 60_000)
    application.send([frame(T, "a"), large, frame(T, "c"), large])
    output = application.run("--until-end")
    assert output.count("are counted, but not republished") == 1
    assert f"the first is {application.topic('frames')}/0 offset 1; it needs 60," in output
    assert f"--topic {application.topic('republished')} --add-config max.message.bytes=60" in output
    assert application.seconds() == [(T, 4, 4.0, 0)]
    assert [message.value() for message in application.read("republished")] == [frame(T, "a"), frame(T, "c")]
    rejected = application.read("rejected")
    assert [message.value() for message in rejected] == [large, large]
    assert [dict(message.headers() or [])["reason"] for message in rejected] == [b"too_large"] * 2
    figures = application.status()["frames"]
    assert (figures["consumed"], figures["counted"], figures["rejected"]) == (4, 4, 0)
    assert "2 frames could not be republished: rejected as too_large or unreadable_headers" in application.run("verify")


def test_the_first_millisecond_of_1970_is_a_timestamp_and_not_now(application: Application) -> None:
    application.create_topics()
    application.send([frame(0, "a")])
    application.run("--until-end")
    [second] = application.read("seconds")
    assert second.timestamp()[1] == 1


def test_a_topic_of_frames_that_becomes_compacted_ends_the_job_which_names_the_setting(
    application: Application,
) -> None:
    application.variables["BROKER_TIMEOUT_S"] = "5"
    application.create_topics()
    process = application.start()
    wait_until(lambda: application.heartbeats() > 1, "it lives")
    topic = application.topic("rejected")
    compacted = ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[compacted])
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.incremental_alter_configs([resource])[resource].result(30)
    application.send([b"no frame"])
    said = finish(process, exit_code=5)
    assert f"{topic}: Broker: Broker failed to validate record; a compacted topic requires keys" in said
    assert f"the topic {topic} (REJECTED_TOPIC) cannot store frames" in said
