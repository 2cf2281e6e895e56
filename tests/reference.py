"""The plain reference: the answer by dicts and sets over all frames, slow and obvious."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Timeline = Sequence[tuple[int, str]]


class Answer(NamedTuple):
    """Rows as `(start, count, average, gap_s)`, minutes with their frames last; and what became of the frames."""

    seconds: list[tuple[int, int, float, int]]
    minutes: list[tuple[int, int, float, int, int]]
    counted: int
    late: int
    joined: int


class Silence(NamedTuple):
    """From an offset of a partition on, seconds that end at or before the watermark were closed by idle time."""

    partition: int
    offset: int
    watermark: int


def count_all(
    partitions: Mapping[int, Timeline], *, lateness_s: int, gap_limit_s: int, silences: Sequence[Silence] = ()
) -> Answer:
    """Count `(ts, uid)` frames, each partition in its own order."""
    frames_of_second: dict[int, int] = defaultdict(int)
    frames_of_minute: dict[int, int] = defaultdict(int)
    users_of_minute: dict[int, set[str]] = defaultdict(set)
    counted = late = joined = 0
    for partition, timeline in partitions.items():
        newest = 0
        for offset, (ts, uid) in enumerate(timeline):
            told = [silence.watermark for silence in silences if silence[0] == partition and silence.offset <= offset]
            closed_before = max(newest - lateness_s, *told, 0)
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
            newest = max(newest, ts)
    seconds = _rows(frames_of_second, 1, gap_limit_s)
    users = _rows({minute: len(uids) for minute, uids in users_of_minute.items()}, 60, gap_limit_s)
    minutes = [(*row, frames_of_minute.get(row[0], 0)) for row in users]
    return Answer(seconds, minutes, counted, late, joined)


def _rows(counts: Mapping[int, int], size_s: int, gap_limit_s: int) -> list[tuple[int, int, float, int]]:
    rows: list[tuple[int, int, float, int]] = []
    published: list[int] = []
    end = None
    for start in sorted(counts):
        gap_s = start - end if end is not None else 0
        empty = range(start - gap_s, start, size_s) if gap_s <= gap_limit_s else range(0)
        for zero in empty:
            published.append(0)
            rows.append((zero, 0, round(sum(published) / len(published), 3), 0))
        published.append(counts[start])
        told = gap_s if gap_s > gap_limit_s else 0
        rows.append((start, counts[start], round(sum(published) / len(published), 3), told))
        end = start + size_s
    return rows
