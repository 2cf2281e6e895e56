"""What the next request of a stream depends on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.core.journal import Closed, Failed, Opened
from metrics.harvest.core.tally import Tally
from metrics.harvest.listening.recording import Recording, Resumption

EVENT = (
    b'id:1\nevent:stream-started\ndata:{"show":{"show_id":"s1"},"event_date":"19-05-2023 14:58:26.624",'
    b'"user":{"id":1,"first_name":"Ada"}}\n\n'
)


def opened(connection: int) -> Opened:
    return Opened(at_us=connection, stream="sysney", connection=connection, requested_us=0)


def closed(connection: int) -> Closed:
    return Closed(at_us=connection, stream="sysney", connection=connection, why="ended the connection")


def failed(status: int | None = None, *, is_final: bool = False) -> Failed:
    return Failed(at_us=9, stream="sysney", why="answers 503", is_final=is_final, status=status)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    with JournalWriter(tmp_path) as journal:
        recording = Recording("sysney", tmp_path, 1_024, tally=Tally("nobody", 1), journal=journal)
        yield recording
        recording.close()


def connection(recording: Recording, number: int, data: bytes) -> Resumption:
    """Let a connection bring bytes and end; return what the next request depends on."""
    recording.change(opened(number))
    recording.receive(data, number)
    recording.change(closed(number))
    return recording.resumption


def test_the_last_id_and_the_reconnection_time_are_kept_over_connections(recording: Recording) -> None:
    assert recording.resumption == Resumption(b"", None, 0)
    assert connection(recording, 1, b"retry:70\nid:a\ndata:x\n\n") == Resumption(b"a", 70, 1)
    assert connection(recording, 2, b"data:y\n\n") == Resumption(b"a", 70, 2)


def test_requests_that_bring_no_event_are_counted_until_one_does(recording: Recording) -> None:
    recording.change(failed())
    assert recording.resumption.failures == 1
    assert connection(recording, 1, b": a heartbeat\n\nid:a\n\n").failures == 2
    assert connection(recording, 2, EVENT + b"data:malformed\n\n").failures == 0
    assert connection(recording, 3, b"").failures == 1
    assert connection(recording, 4, b"data:malformed\n\n").failures == 2
    assert connection(recording, 5, EVENT).failures == 3  # repeated
    assert connection(recording, 6, EVENT.replace(b"id:1", b"id:2")).failures == 0


def test_the_bytes_are_those_of_the_raw_files(recording: Recording, tmp_path: Path) -> None:
    for number, data in enumerate((b"data:x\n\ndata:", b"data:y\n\n"), 1):
        connection(recording, number, data)
    assert recording.bytes == sum(path.stat().st_size for path in tmp_path.glob("*.sse")) == 2 * len(b"data:x\n\n")
