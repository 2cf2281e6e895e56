"""The decider, without a network: the same frames as a plain reference takes, however the bytes are cut."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.harvest.archive.journal import JournalWriter, read_journal
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.frames import FrameParser
from metrics.harvest.core.journal import AnyEntry, Closed, Failed, Opened, Started, Stopped, Taken
from metrics.harvest.listening.decider import Decider
from metrics.harvest.listening.inbox import Chunk, Item

START_US = 1_700_000_000_000_000
LIMIT_BYTES = 1_024


def message(first_name: str = "Ada", **beside: object) -> bytes:
    """Return the JSON of a valid message, shorter than the limit."""
    user = {"id": 1, "first_name": first_name, "country": "NL"}
    date = "19-05-2023 14:58:26.624"
    return json.dumps({"show": {"show_id": "s1"}, "event_date": date, "user": user, **beside}).encode()


def block(key: str, data: bytes, event: bytes = b"event:stream-started\n") -> bytes:
    return b"id:%b\n%bdata:%b\n\n" % (key.encode(), event, data)


class Run(NamedTuple):
    """What a run left behind: its journal after the first line, and its raw files."""

    entries: list[AnyEntry]
    raw: dict[str, bytes]

    @property
    def taken(self) -> list[tuple[str, int]]:
        """The stream and connection of each frame."""
        return [(entry.stream, entry.connection) for entry in self.entries if isinstance(entry, Taken)]


def require_lines_for_all_frames(folder: Path) -> None:
    """Assert that each frame in a raw file has its line in the journal, as after a kill at this moment."""
    lines = Counter((entry.stream, entry.connection) for entry in read_journal(folder) if isinstance(entry, Taken))
    for path in folder.glob("*.sse"):
        stream, _, connection = path.stem.rpartition("-")
        assert len(FrameParser(LIMIT_BYTES).feed(path.read_bytes())) == lines[stream, int(connection)]


def decided(items: Sequence[Item], *, seconds: float = 20.0, times: int = 3, limit_bytes: int = LIMIT_BYTES) -> Run:
    """Return what a run of these items leaves behind."""

    async def received() -> AsyncIterator[Item]:
        for item in items:
            yield item

    with TemporaryDirectory() as name:
        folder = Path(name)
        started = Started(
            at_us=START_US, run="r", seconds=seconds, name="Sytac", times=times, frame_limit_bytes=limit_bytes
        )
        with JournalWriter(folder) as journal:
            decider = Decider(started, folder, journal)
            asyncio.run(decider.run(received()))
            require_lines_for_all_frames(folder)
            decider.close()
        first, *entries = read_journal(folder)
        assert first == started
        return Run(entries, {path.name: path.read_bytes() for path in folder.glob("*.sse")})


def opened(stream: str, connection: int = 1, at_us: int = START_US) -> Opened:
    return Opened(at_us=at_us, stream=stream, connection=connection, requested_us=START_US)


def chunk(data: bytes, stream: str = "sytflix", after_us: int = 10) -> Chunk:
    return Chunk(START_US + after_us, stream, data)


def stopped(by: str) -> Stopped:
    return Stopped(at_us=START_US + 10, by=by)  # type: ignore[arg-type]


ONE, TWO, THREE, FOUR = (block(name, message("Sytac")) for name in ("a", "b", "c", "d"))


def test_nothing_after_the_third_event_of_the_name_is_taken_not_even_from_the_same_chunk() -> None:
    run = decided([opened("sytflix"), chunk(ONE + TWO + THREE + FOUR), chunk(FOUR)])
    assert run.taken == [("sytflix", 1)] * 3
    assert run.entries[-1] == stopped("name")
    assert run.raw == {"sytflix-1.sse": ONE + TWO + THREE}


def test_a_frame_whose_end_has_not_come_at_the_stop_is_not_taken() -> None:
    items: list[Item] = [
        opened("sytflix"),
        opened("sysney"),
        chunk(FOUR + FOUR[:-1], "sysney"),
        chunk(ONE),
        chunk(TWO + THREE),
    ]
    run = decided(items, times=3)
    assert run.taken == [("sysney", 1), ("sytflix", 1), ("sytflix", 1)]
    assert run.raw == {"sysney-1.sse": FOUR, "sytflix-1.sse": ONE + TWO}


@pytest.mark.parametrize(
    "frame",
    [
        block("x", message("sytac")),
        block("x", message(" Sytac")),
        block("x", message("Ada", user={"id": 1, "first_name": "Ada", "last_name": "Sytac"})),
        block("x", message("Sytac"), event=b""),
        block("x", message("Sytac")[:-1]),
        block("a", message("Sytac")),  # repeats ONE
        block("x", message("Sytac", show={"show_id": "s1", "cast": "x" * LIMIT_BYTES})),
    ],
)
def test_what_is_no_valid_new_event_of_exactly_the_name_does_not_count(frame: bytes) -> None:
    run = decided([opened("sytflix"), chunk(ONE + frame + TWO + THREE + FOUR)])
    assert run.raw == {"sytflix-1.sse": ONE + frame + TWO + THREE}
    assert len(run.taken) == 4


def test_a_chunk_of_the_last_microsecond_is_taken_and_one_of_the_next_is_not() -> None:
    run = decided([opened("sytflix"), chunk(ONE, after_us=999_999), chunk(TWO, after_us=1_000_000)], seconds=1.0)
    assert run.raw == {"sytflix-1.sse": ONE}
    assert run.entries[-1] == Stopped(at_us=START_US + 1_000_000, by="time")


def test_a_signal_stops_after_what_was_received_before() -> None:
    run = decided([opened("sytflix"), chunk(ONE), stopped("signal"), chunk(TWO)])
    assert run.raw == {"sytflix-1.sse": ONE}
    assert run.entries[-1] == stopped("signal")


def test_the_run_stops_at_once_when_no_stream_is_left() -> None:
    def refused(stream: str, status: int) -> Failed:
        return Failed(at_us=START_US + 10, stream=stream, why="refuses", is_final=True, status=status)

    closed = Closed(at_us=START_US + 10, stream="sysney", connection=1, why="has ended")
    items: list[Item] = [
        refused("sytflix", 401),
        opened("sysney", at_us=START_US + 10),
        refused("sytazon", 404),
        closed,
        refused("sysney", 204),
    ]
    entries: list[object] = [*items, stopped("no-stream")]
    assert decided([*items, chunk(ONE)]).entries == entries


def test_a_repeat_on_a_later_connection_counts_once() -> None:
    closed = Closed(at_us=START_US + 10, stream="sytflix", connection=1, why="has ended")
    run = decided(
        [
            opened("sytflix"),
            chunk(ONE + TWO[:-2]),
            closed,
            opened("sytflix", 2, START_US + 10),
            chunk(ONE + TWO + THREE),
        ]
    )
    assert run.raw == {"sytflix-1.sse": ONE, "sytflix-2.sse": ONE + TWO + THREE}
    assert run.taken == [("sytflix", 1), *[("sytflix", 2)] * 3]


class Part(NamedTuple):
    """A part of a connection.

    Attributes:
        end: where a frame ends in it; None if it has none.
        key: shared by repeats; None if the frame is malformed, or has no id.
        is_named: whether the frame is valid, and of a user with the name.
    """

    data: bytes
    end: int | None
    key: str | None = None
    is_named: bool = False


def ended(data: bytes, key: str | None = None, *, is_named: bool = False) -> Part:
    """Return a frame; of a CRLF at its end, the LF is a byte of what comes after it."""
    return Part(data, len(data) - data.endswith(b"\r\n"), key, is_named)


ids = st.sampled_from("abcdefg")
parts = st.one_of(
    ids.map(lambda key: ended(block(key, message()), key)),
    ids.map(lambda key: ended(block(key, message("Sytac")), key, is_named=True)),
    ids.map(lambda key: ended(block(key, message("Sytac")).replace(b"\n", b"\r\n"), key, is_named=True)),
    ids.map(lambda key: ended(block(key, b"{"))),
    ids.map(lambda key: ended(block(key, b"x" * 3 * LIMIT_BYTES))),
    st.sampled_from(
        [
            ended(b"event:x\rdata:" + message("Sytac") + b"\r\r", is_named=True),
            Part(b": heartbeat\n\n", None),
            Part(b"id:a\nretry:5\n\n", None),
        ]
    ),
)


class Reference:
    """The rule, part by part."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.taken: list[tuple[str, int]] = []
        self.raw: dict[str, bytes] = {}
        self.keys: set[tuple[str, str]] = set()
        self.seen = 0

    def receive(self, stream: str, connection: int, whole: Sequence[Part], received: range) -> None:
        """Take the frames that end in a range of a connection's bytes, unless the run has stopped."""
        offset, data = 0, b"".join(part.data for part in whole)
        for part in whole:
            if part.end is not None and offset + part.end - 1 in received and self.seen < self.times:
                self.taken.append((stream, connection))
                self.raw[f"{stream}-{connection}.sse"] = data[: offset + part.end]
                is_repeat = (stream, part.key or "") in self.keys
                if part.key is not None:
                    self.keys.add((stream, part.key))
                self.seen += part.is_named and not is_repeat
            offset += len(part.data)


class Step(NamedTuple):
    """What happens to a connection: it opens, receives a range of its bytes, or is closed."""

    what: Literal["open", "receive", "close"]
    connection: int
    whole: Sequence[Part] = ()
    received: range = range(0)

    def item(self, at_us: int, stream: str) -> Item:
        if self.what == "open":
            return Opened(at_us=at_us, stream=stream, connection=self.connection, requested_us=START_US)
        if self.what == "close":
            return Closed(at_us=at_us, stream=stream, connection=self.connection, why="has ended")
        return Chunk(
            at_us, stream, b"".join(part.data for part in self.whole)[self.received.start : self.received.stop]
        )


@st.composite
def connections(draw: st.DrawFn) -> list[Step]:
    """Draw the steps of up to three connections of a stream; a connection may end inside a frame."""
    steps = []
    for connection in range(1, 1 + draw(st.integers(0, 3))):
        whole = draw(st.lists(parts, max_size=5))
        size = sum(len(part.data) for part in whole)
        cuts = draw(st.lists(st.integers(0, size), max_size=6))
        end = size - draw(st.integers(0, min(3, size)))
        bounds = sorted({0, end, *(cut for cut in cuts if cut < end)})
        steps.append(Step("open", connection))
        steps += [Step("receive", connection, whole, range(*bound)) for bound in pairwise(bounds)]
        steps.append(Step("close", connection))
    return steps[:-1]  # the last one is open at the stop


@settings(max_examples=150, deadline=None)
@given(st.tuples(*[connections()] * 3), st.integers(1, 6), st.data())
def test_a_run_takes_what_a_plain_reference_takes(
    steps: tuple[list[Step], ...], times: int, data: st.DataObject
) -> None:
    queues = dict(zip(STREAMS, map(deque, steps), strict=True))
    order = data.draw(st.permutations([stream for stream, queue in queues.items() for _ in queue]))
    reference = Reference(times)
    items: list[Item] = []
    for at_us, stream in enumerate(order, START_US):
        step = queues[stream].popleft()
        items.append(step.item(at_us, stream))
        reference.receive(stream, step.connection, step.whole, step.received)
    run = decided([*items, Stopped(at_us=START_US + 1_000, by="signal")], times=times)
    assert run.taken == reference.taken  # the journal has them in this order
    assert {name: data for name, data in run.raw.items() if data} == reference.raw
    assert run.entries[-1].by == ("name" if reference.seen == times else "signal")  # type: ignore[union-attr]
    assert [entry.at_us for entry in run.entries] == sorted(entry.at_us for entry in run.entries)
