"""The plain reference: the answer by dicts and sets over all frames, slow and obvious."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Sent(NamedTuple):
    """A frame, and when its record was written if that is known."""

    ts: int
    uid: str
    recorded_at_s: float | None = None


Timeline = Sequence[Sent]


class IdleTime(NamedTuple):
    """From an offset of a partition on, seconds that end at or before the watermark were closed by idle time."""

    partition: int
    offset: int
    watermark: int


class End(NamedTuple):
    """At an offset of a partition the input was taken to end; event time of the whole input was near then."""

    offset: int
    near: int


class Answer(NamedTuple):
    """Rows as `(start, count, average, gap_s)`, minutes with their frames last; and what became of the frames."""

    seconds: list[tuple[int, int, float, int]]
    minutes: list[tuple[int, int, float, int, int]]
    counted: int
    late: int
    late_in_minute: int
    future: int


class Counted(NamedTuple):
    """Rows as `(start, frames, average, gap_s, users, average of users)` by the size of windows; the rest as above."""

    windows: dict[int, list[tuple[int, int, float, int, int, float]]]
    counted: int
    late: int
    late_in_minute: int
    future: int


def count_all(partitions: Mapping[int, Timeline], **how: Any) -> Answer:
    """Count the frames of seconds and the users of minutes; see `count_windows`."""
    windows, *rest = count_windows(partitions, (1, 60), **how)
    seconds = [(start, frames, average, gap_s) for start, frames, average, gap_s, _, _ in windows[1]]
    minutes = [(start, users, average, gap_s, frames) for start, frames, _, gap_s, users, average in windows[60]]
    return Answer(seconds, minutes, *rest)


def count_windows(
    partitions: Mapping[int, Timeline],
    sizes_s: Sequence[int],
    *,
    lateness_s: int,
    gap_limit_s: int,
    future_limit_s: int = 300,
    guard_lateness_s: int | None = None,
    idle_times: Sequence[IdleTime] = (),
    ends: Mapping[int, Sequence[End]] | None = None,
) -> Counted:
    """Count the frames of partitions, each in its own order.

    Args:
        sizes_s: the sizes of windows in seconds, the first of them 1.
        guard_lateness_s: what the future guard takes the lateness to be, if it is another one.
        idle_times: what idle time closed.
        ends: for each partition where the input was taken to end; where it stops is always an end.
    """
    users_of: dict[int, dict[int, list[str]]] = {size_s: defaultdict(list) for size_s in sizes_s}
    counted = late = late_in_minute = rejected = 0
    near = max((sent.ts for timeline in partitions.values() for sent in timeline), default=0)
    for partition, timeline in partitions.items():
        guard = Guard(lateness_s if guard_lateness_s is None else guard_lateness_s, future_limit_s)
        jumps = guard.judge(timeline, [*(ends or {}).get(partition, ()), End(len(timeline), near)])
        newest = 0
        for offset, (ts, uid, _) in enumerate(timeline):
            if jumps[offset] == "false":
                rejected += 1
                continue
            told = [idle.watermark for idle in idle_times if idle[0] == partition and idle.offset <= offset]
            closed_before = max(newest - lateness_s, *told, 0)
            newest = max(newest, ts) if jumps[offset] == "true" else newest
            starts = {size_s: ts // size_s * size_s for size_s in sizes_s}
            still_open = [size_s for size_s, start in starts.items() if start + size_s > closed_before]
            for size_s in still_open:
                users_of[size_s][starts[size_s]].append(uid)
            counted += 1 in still_open
            late += 1 not in still_open
            late_in_minute += 1 not in still_open and bool(still_open)
    windows = {size_s: _frames_and_users(of_size, size_s, gap_limit_s) for size_s, of_size in users_of.items()}
    return Counted(windows, counted, late, late_in_minute, rejected)


class Guard(NamedTuple):
    """The future guard: of each frame, whether event time may move to it."""

    lateness_s: int
    limit_s: int

    def judge(self, timeline: Timeline, ends: Sequence[End]) -> list[str]:
        """Return for each frame `true`, `unproved` if it counts and event time stays, or `false` if it is rejected."""
        jumps: list[str] = []
        newest: Sent | None = None
        for offset, sent in enumerate(timeline):
            if self._is_step(sent, newest) or self._is_explained(sent, newest):
                jump = "true"
            else:
                end, near = min(end for end in ends if end.offset > offset)
                jump = self._by_followers(sent, newest, timeline[offset + 1 : end], near)
            jumps.append(jump)
            if jump == "true" and (newest is None or sent.ts > newest.ts):
                newest = sent
        return jumps

    def _is_step(self, sent: Sent, newest: Sent | None) -> bool:
        return newest is not None and sent.ts - newest.ts <= max(1, self.lateness_s)

    def _is_explained(self, sent: Sent, newest: Sent | None) -> bool:
        if sent.recorded_at_s is None:
            return False
        unexplained_s = sent.ts - int(sent.recorded_at_s)
        if newest is not None:
            if newest.recorded_at_s is None:
                return False
            unexplained_s -= newest.ts - int(newest.recorded_at_s)
        return -self.limit_s <= unexplained_s <= max(1, self.lateness_s)

    def _by_followers(self, sent: Sent, newest: Sent | None, followers: Timeline, near: int) -> str:
        known = [] if newest is None else [newest.ts]
        for number in range(len(followers) + 1):
            seen = followers[:number]
            against = [one.ts for one in seen if one.ts < sent.ts - self.lateness_s]
            if len(against) == 2:
                return "unproved" if sent.ts <= max(known + against) + self.limit_s else "false"
            agreeing = [one.uid for one in seen if -self.lateness_s <= one.ts - sent.ts <= self.limit_s]
            if len(agreeing) >= 2 and set(agreeing) != {sent.uid}:
                return "true"
            if number >= 5 and not against and {one.uid for one in seen} != {sent.uid}:
                return "true"
            if number == 20:
                return "true"
        is_near = sent.ts <= max([*known, *against, near]) + self.limit_s
        is_borne_out = len(seen) >= 2 or any(one.uid != sent.uid for one in seen) or (newest is None and is_near)
        if is_borne_out and not against:
            return "true"
        return "unproved" if is_near else "false"


def _frames_and_users(
    uids: Mapping[int, Sequence[str]], size_s: int, gap_limit_s: int
) -> list[tuple[int, int, float, int, int, float]]:
    frames = _rows({start: len(of_window) for start, of_window in uids.items()}, size_s, gap_limit_s)
    users = _rows({start: len({*of_window}) for start, of_window in uids.items()}, size_s, gap_limit_s)
    return [(*one, number, average) for one, (_, number, average, _) in zip(frames, users, strict=True)]


def _rows(counts: Mapping[int, int], size_s: int, gap_limit_s: int) -> list[tuple[int, int, float, int]]:
    rows: list[tuple[int, int, float, int]] = []
    published = total = 0
    end = None
    for start in sorted(counts):
        gap_s = start - end if end is not None else 0
        for zero in range(start - gap_s, start, size_s) if gap_s <= gap_limit_s else ():
            published += 1
            rows.append((zero, 0, round(total / published, 3), 0))
        published += 1
        total += counts[start]
        rows.append((start, counts[start], round(total / published, 3), gap_s if gap_s > gap_limit_s else 0))
        end = start + size_s
    return rows
