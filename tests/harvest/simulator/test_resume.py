"""Resuming, as a property: whatever a stream answers and however connections end, no message is lost or repeated."""

from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from metrics.harvest.core.frames import FrameParser
from metrics.harvest.simulator.faults import Answer, Cut, End, Faults, Oversize, Step
from metrics.harvest.simulator.series import Series
from metrics.harvest.simulator.server import local_streams
from metrics.harvest.simulator.spoiling import Drawn
from tests.harvest.simulator.raw_client import RawClient

WANTED = 40

after = st.integers(0, 12)
steps = st.one_of(
    st.sampled_from([Answer(503), Answer(429, {"Retry-After": "1"})]),
    st.builds(Cut, after=after, resets=st.booleans()),
    st.builds(End, after=after),
    st.builds(Oversize, after=after, size_bytes=st.just(5_000)),
)
forms = st.fixed_dictionaries(
    {},
    optional={
        "line_end": st.sampled_from(["\n", "\r", "\r\n", "mixed"]),
        "ids": st.sampled_from(["own", "slash"]),
        "repeat_every": st.integers(0, 3),
        "comments": st.booleans(),
        "bom": st.booleans(),
        "retry_ms": st.integers(0, 500),
    },
)


def drawn_from(seed: int) -> list[Drawn]:
    series = Series("sytazon", seed, 0)
    return [series.next(0) for _ in range(1_000)]


def prefix_of(faults: Faults) -> bytes:
    return b"a/" if faults.ids == "slash" else b""


@given(st.lists(steps, max_size=8), forms, st.integers(0, 99))
@settings(max_examples=10, deadline=None)
@example([Cut(after=0, resets=True), End(after=3), Cut(after=1)], {"line_end": "mixed", "repeat_every": 1}, 1)
def test_clients_that_resume_get_each_message(script: list[Step], form: dict[str, Any], seed: int) -> None:
    faults = Faults(script=script, **form)
    seen: list[tuple[bytes | None, bytes | None]] = []
    last_id = b""
    with local_streams(seed=seed, malformed=0, gap_s=(0.001, 0.002), faults={"sytazon": faults}) as endpoint:
        while len(seen) < WANTED:
            parser = FrameParser(4_096, last_id)
            with RawClient(endpoint, "sytazon", last_id=last_id or None) as client:
                read, is_open = 0, True
                while is_open and not client.is_complete and len(seen) < WANTED:
                    is_open = client.read_part()
                    if client.head and client.status == 200:
                        frames = parser.feed(client.body[read:])
                        read = len(client.body)
                        seen += [(frame.id, frame.event) for frame in frames if not frame.is_too_long]
            last_id = parser.last_id
    messages: list[tuple[bytes | None, bytes | None]] = [
        (prefix_of(faults) + message.id, message.event) for message in drawn_from(seed)
    ]
    first = messages.index(seen[0])  # without an id of any frame, a client gets what comes from then on
    is_copy = [here == before for before, here in pairwise([None, *seen])]
    unique = [each for each, copy in zip(seen, is_copy, strict=True) if not copy]
    assert unique == messages[first : first + len(unique)]
    assert first == 0 or any(isinstance(step, Cut | End) and step.after == 0 for step in script)
    assert faults.repeat_every or not any(is_copy)
