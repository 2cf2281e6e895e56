"""Warnings of a run, on timelines drawn by hand: wall time is given, and the input is a stub."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import Rules, State
from metrics.frames.job.lookout import Lookout
from metrics.frames.settings import Settings
from metrics.kafka.job.input_monitor import EndOffset
from tests.frames.core.message import message

T = 1468244340  # 2016-07-11T13:39:00Z
RULES = Rules(lateness_s=5, future_limit_s=3600)
SETTINGS = Settings(lateness_s=5, idle_s=10)  # seconds are open for too long after 18 s


class Watched:
    """Two partitions and their lookout; partition 0 gets a frame a second, T + 100 and so on."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.counter = Counter(State.fresh({0: 0, 1: 0}, RULES), RULES, gap_limit_s=3600, now_s=0)
        self.counter.resume()
        self.input = cast("Any", SimpleNamespace(paused=set(), reached={0: 0, 1: 0}, caught_up={}))
        self.end_offsets: dict[int, EndOffset] = {}
        self.lookout = Lookout(SETTINGS, self.warnings.append)
        self.lookout.begin(0, self.counter, self.input, self.end_offsets)

    def send(self, partition: int, ts: int, now_s: float) -> None:
        """Read a frame that happened at T + ts, to the partition's end."""
        at = self.counter.partitions[partition]
        at.count([message(at.position, T + ts, "a", recorded_at_s=T + ts)])
        at.read_to(at.position + 1, now_s)
        self.input.reached[partition] = at.position
        self.input.caught_up[partition] = at.position, now_s

    def second(self, now_s: int) -> None:
        """Let a second pass: a frame of partition 0, what can be closed, a look."""
        self.send(0, 100 + now_s, now_s)
        list(self.counter.close(now_s))
        self.lookout.look(now_s)

    def slow(self, now_s: float) -> list[tuple[int, str]]:
        overdue = self.lookout.health(now_s).overdue
        return [] if overdue is None else [*overdue.partitions]


def test_a_partition_behind_the_others_is_reported_once_and_again_when_it_has_caught_up() -> None:
    #  wall time      0     1     2   …  30     31   …
    #  partition 0    100   101   102    130    131        of the same seconds as wall time
    #  partition 1     70    71    72    100    131        30 s behind, then no longer
    watched = Watched()
    for now_s in range(31):
        watched.send(1, 70 + now_s, now_s)
        watched.second(now_s)
    reason = watched.warnings[0].split(" have been open for ")[1]
    assert reason == (
        "19 s: partition 1 keeps them open (its event time advances, but is behind that of others or slower than "
        "wall time)"
    )
    assert len(watched.warnings) == 1
    assert watched.slow(30) == [(1, "behind")]
    for now_s in range(31, 60):
        watched.send(1, 100 + now_s, now_s)
        watched.second(now_s)
    assert [line.split(", ")[0] for line in watched.warnings[1:]] == ["seconds are no longer kept open; some were"]
    assert watched.slow(60) == []


@pytest.mark.parametrize(
    ("offset_behind", "end", "is_paused", "cause"),
    [
        (3, EndOffset(1, 4, 20.0), False, "lag"),
        (0, EndOffset(1, 4, 20.0), False, "transaction"),
        (0, None, False, "unknown"),
        (0, EndOffset(1, 1, 5.0), False, "unknown"),  # of 15 s ago
        (3, EndOffset(1, 4, 20.0), True, "paused"),
        (0, EndOffset(1, 1, 20.0), False, "idle"),
    ],
)
def test_a_partition_that_does_not_advance_is_reported_with_its_cause(
    offset_behind: int, end: EndOffset | None, is_paused: bool, cause: str
) -> None:
    #  partition 0    100   101   102 …      partition 1    100, and nothing that would be read
    watched = Watched()
    watched.send(1, 100, 0)
    watched.input.caught_up[1] = 1 - offset_behind, 0.0
    if end is not None:
        watched.end_offsets[1] = end
    watched.input.paused = {1} if is_paused else set()
    for now_s in range(21):
        watched.second(now_s)
    assert watched.slow(20) == [(1, cause)]
    assert len(watched.warnings) == 1
    assert watched.warnings[0].startswith(
        "seconds from 2016-07-11T13:40:40Z have been open for 19 s: partition 1 keeps"
    )


def test_time_in_which_the_process_was_suspended_raises_no_warning() -> None:
    watched = Watched()
    watched.send(1, 100, 0)
    for now_s in (*range(10), *range(100, 115)):
        watched.second(now_s)
    assert watched.warnings == []


def test_windows_that_close_in_time_raise_no_warning() -> None:
    watched = Watched()
    for now_s in range(120):
        watched.send(1, 98 + now_s, now_s)
        watched.second(now_s)
    assert watched.warnings == []
    assert watched.counter.windows.series[1].windows > 100
