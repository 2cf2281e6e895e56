"""What the next request of a stream depends on."""

import tracemalloc
from pathlib import Path

from metrics.harvest.core.journal import Closed, Failed, Opened
from metrics.harvest.listening.recording import Recording, Resumption


def opened(connection: int) -> Opened:
    return Opened(at_us=connection, stream="sysney", connection=connection, requested_us=0)


def closed(connection: int) -> Closed:
    return Closed(at_us=connection, stream="sysney", connection=connection, why="ended the connection")


def failed(status: int | None = None, *, is_final: bool = False) -> Failed:
    return Failed(at_us=9, stream="sysney", why="answers 503", is_final=is_final, status=status)


def receive(recording: Recording, data: bytes) -> None:
    for frame in recording.parse(data, 1):
        recording.take(frame)
    recording.write(data)


def test_the_last_id_and_the_reconnection_time_are_kept_over_connections(tmp_path: Path) -> None:
    recording = Recording("sysney", tmp_path, 1_024)
    assert recording.resumption == Resumption(b"", None, 0)
    recording.change(opened(1))
    receive(recording, b"retry:70\nid:a\ndata:x\n\n")
    recording.change(closed(1))
    assert recording.resumption == Resumption(b"a", 70, 0)
    recording.change(opened(2))
    receive(recording, b"data:y\n\n")
    recording.change(closed(2))
    assert recording.resumption == Resumption(b"a", 70, 0)


def test_requests_that_bring_no_frame_are_counted_until_one_does(tmp_path: Path) -> None:
    recording = Recording("sysney", tmp_path, 1_024)
    recording.change(failed())
    assert recording.resumption.failures == 1
    recording.change(opened(1))
    receive(recording, b": a heartbeat\n\nid:a\n\n")
    assert recording.state == "open"
    recording.change(closed(1))
    assert (recording.state, recording.resumption.failures) == ("waiting", 2)
    recording.change(opened(2))
    receive(recording, b"data:x\n\n")
    recording.change(closed(2))
    assert recording.resumption.failures == 0
    recording.change(opened(3))
    recording.change(closed(3))
    assert recording.resumption.failures == 1


def test_only_a_204_after_a_connection_is_the_end_of_a_stream(tmp_path: Path) -> None:
    recording = Recording("sysney", tmp_path, 1_024)
    recording.change(failed(204, is_final=True))
    assert (recording.state, recording.is_over) == ("refused", True)
    recording = Recording("sysney", tmp_path, 1_024)
    recording.change(opened(1))
    recording.change(closed(1))
    recording.change(failed(204, is_final=True))
    assert (recording.state, recording.is_over) == ("ended", True)


def test_the_bytes_are_those_of_the_raw_files(tmp_path: Path) -> None:
    recording = Recording("sysney", tmp_path, 1_024)
    for connection, data in enumerate((b"data:x\n\ndata:", b"data:y\n\n"), 1):
        recording.change(opened(connection))
        receive(recording, data)
        recording.change(closed(connection))
    assert recording.bytes == sum(path.stat().st_size for path in tmp_path.iterdir()) == 2 * len(b"data:x\n\n")


def test_a_large_chunk_takes_little_memory_beside_itself(tmp_path: Path) -> None:
    recording, chunk = Recording("sysney", tmp_path, 1_024), b"a\n\n" * 100_000 + b"data:x\n\n"
    recording.change(opened(1))
    tracemalloc.start()
    frames = [*recording.parse(chunk, 1)]
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(frame.data, frame.end) for frame in frames] == [(b"x", len(chunk))]
    assert peak_bytes < 3_000_000  # all at once would take 5.1 MB
