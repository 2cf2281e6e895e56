"""The plain reference: the answer by dicts and sets over all frames, slow and obvious."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Sent(NamedTuple):
    """A frame, and when its record was written if that is known."""

    ts: int
    uid: str
    recorded_at_s: float | None = None


Timeline = Sequence[Sent]


class Silence(NamedTuple):
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
    joined: int
    future: int


def count_all(
    partitions: Mapping[int, Timeline],
    *,
    lateness_s: int,
    gap_limit_s: int,
    future_limit_s: int = 3600,
    silences: Sequence[Silence] = (),
    ends: Mapping[int, Sequence[End]] | None = None,
) -> Answer:
    """Count the frames of partitions, each in its own order.

    Args:
        silences: what idle time closed.
        ends: for each partition where the input was taken to end; where it stops is always an end.
    """
    frames_of_second: dict[int, int] = defaultdict(int)
    frames_of_minute: dict[int, int] = defaultdict(int)
    users_of_minute: dict[int, set[str]] = defaultdict(set)
    counted = late = joined = rejected = 0
    near = max((sent.ts for timeline in partitions.values() for sent in timeline), default=0)
    for partition, timeline in partitions.items():
        future = too_far_ahead(timeline, future_limit_s, [*(ends or {}).get(partition, ()), End(len(timeline), near)])
        rejected += len(future)
        newest = 0
        for offset, (ts, uid, _) in enumerate(timeline):
            if offset in future:
                continue
            told = [silence.watermark for silence in silences if silence[0] == partition and silence.offset <= offset]
            closed_before = max(newest - lateness_s, *told, 0)
            newest = max(newest, ts)
            minute = ts // 60 * 60
            if ts >= closed_before:
                counted += 1
                frames_of_second[ts] += 1
            else:
                late += 1
                if minute + 60 <= closed_before:
                    continue
                joined += 1
            frames_of_minute[minute] += 1
            users_of_minute[minute].add(uid)
    seconds = _rows(frames_of_second, 1, gap_limit_s)
    users = _rows({minute: len(uids) for minute, uids in users_of_minute.items()}, 60, gap_limit_s)
    minutes = [(*row, frames_of_minute.get(row[0], 0)) for row in users]
    return Answer(seconds, minutes, counted, late, joined, rejected)


def too_far_ahead(timeline: Timeline, limit_s: int, ends: Sequence[End]) -> set[int]:
    """Return the offsets of the frames whose ts is too far ahead of event time to be true."""
    future: set[int] = set()
    newest: int | None = None
    for offset, (ts, _, recorded_at_s) in enumerate(timeline):
        is_near = newest is not None and ts <= newest + limit_s
        if is_near or (recorded_at_s is not None and abs(ts - recorded_at_s) <= limit_s):
            is_true = True
        elif recorded_at_s is not None and ts > recorded_at_s:
            is_true = False
        else:
            end, near = min(end for end in ends if end.offset > offset)
            proved = _is_proved(ts, [sent.ts for sent in timeline[offset + 1 : end]], newest, limit_s)
            is_true = (newest is None and ts <= near + limit_s) if proved is None else proved
        if is_true:
            newest = max(newest or 0, ts)
        else:
            future.add(offset)
    return future


def _is_proved(ts: int, followers: list[int], newest: int | None, limit_s: int) -> bool | None:
    for number in range(1, min(5, len(followers)) + 1):
        *_, last = seen = followers[:number]
        if newest is not None and last <= newest + limit_s:
            return False
        if sum(abs(follower - ts) <= limit_s for follower in seen) == 2:
            return True
        if sum(follower < ts - limit_s for follower in seen) == 2:
            return False
    return True if len(followers) >= 5 else None


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
