"""Headers whose names the client cannot read, on a real broker: they ended the process by SIGSEGV.

Python only lets the fault pass where the call is specialized, which takes some calls: so there are many frames.
"""

import re
from pathlib import Path

import pytest

from tests.kafka import raw_records
from tests.kafka.application import PROJECT, Application, frame

pytestmark = pytest.mark.slow

T = 1468244340
READABLE: raw_records.RawHeaders = [(b"trace", b"\x00\xff"), (b"none", None), (b"", b""), ("é".encode(), b"1")]
UNREADABLE: list[raw_records.RawHeaders] = [
    [(b"\xff", b"1")],
    [(b"trace", b"1"), (b"\xfe\xff", None), (b"more", b"2")],
    [(b"\xff", b"1")] * 20 + [(b"more", b"2")] * 200,
    [("\ud800".encode("utf-8", "surrogatepass"), b"1")],
]


def send(application: Application, second: int, headers: raw_records.RawHeaders) -> None:
    value = frame(T + second, "a")
    raw_records.send(application.bootstrap_servers, application.topic("frames"), value, headers, timestamp_ms=T * 1000)


def rejected(application: Application) -> list[tuple[bytes | None, bytes | None, bytes | None]]:
    headers = [dict(message.headers() or []) for message in application.read("rejected")]
    return [(header["reason"], header["partition"], header["offset"]) for header in headers]  # type: ignore[misc]


def test_a_frame_with_unreadable_headers_counts_and_is_a_dead_letter_of_the_republished_stream(
    application: Application,
) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topics()
    application.send([frame(T, "a")] * 200)
    for headers in (*UNREADABLE, READABLE):
        send(application, 1, headers)
    for _ in range(2):  # and when it starts again
        application.run("--until-end")
        assert [(start - T, frames) for start, frames, *_ in application.seconds()] == [(0, 200), (1, 5)]
        assert rejected(application) == [(b"unreadable_headers", b"0", b"%d" % offset) for offset in range(200, 204)]
    *others, last = application.read("republished")
    assert [message.value() for message in others] == [frame(T, "a")] * 200
    assert last.headers() == [("trace", b"\x00\xff"), ("none", None), ("", b""), ("é", b"1")]
    assert "the outputs agree with the input" in application.run("verify")
    frames = application.status()["frames"]
    assert (frames["consumed"], frames["counted"], frames["invalid"], frames["rejected"]) == (205, 205, 0, 0)
    assert "frames" in application.run("topics", application.topic("frames"))


def test_a_job_that_does_not_republish_needs_no_headers(application: Application) -> None:
    application.create_topics()
    for headers in UNREADABLE * 20:
        send(application, 0, headers)
    application.run("--until-end")
    assert application.seconds() == [(T, 80, 80.0, 0)]
    assert application.read("rejected") == []


def test_verify_calls_a_foreign_copy_with_unreadable_headers_one_too_many(application: Application) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topics()
    application.send([frame(T, "a")] * 200)
    application.run("--until-end")
    for headers in UNREADABLE:
        raw_records.send(application.bootstrap_servers, application.topic("republished"), frame(T, "a"), headers)
    [difference] = application.answer("verify", "--json", exit_code=1)["differences"]
    assert difference["kind"] == "frame too many"
    assert (difference["recount"].split()[0], difference["published"].split()[0]) == ("200", "204")


def test_foreign_dead_letters_with_unreadable_headers_are_skipped(application: Application) -> None:
    application.create_topics()
    application.send([frame(T, "a"), *[b"no frame"] * 50])
    application.run("--until-end")
    for headers in UNREADABLE:
        raw_records.send(application.bootstrap_servers, application.topic("rejected"), b"foreign", headers)
    assert "the outputs agree with the input" in application.run("verify")


def test_a_topic_with_only_unreadable_headers_has_no_feed_to_resume(application: Application, tmp_path: Path) -> None:
    application.create_topics()
    for headers in UNREADABLE * 20:
        send(application, 0, headers)
    file = tmp_path / "frames.jsonl"
    file.write_bytes(frame(T, "a") + b"\n")
    assert "contains no feed to resume" in application.run("feed", file, "--resume", exit_code=7)


def test_headers_are_read_in_one_place_only() -> None:
    """Read anywhere else, by a call of `message.headers()`, they can end the process."""
    files = [file for file in (PROJECT / "metrics").rglob("*.py") if re.search(r"\.headers\(\)", file.read_text())]
    assert [file.name for file in files] == ["record_metadata.py"]
