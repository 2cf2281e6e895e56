"""Latency: from the produce call of the frame that closes a window to its committed record being readable."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec

from benchmark.broker import Arrived
from benchmark.contract import LATENESS_S
from benchmark.live.feeder import Began


class Latency(msgspec.Struct, frozen=True):
    """Latency of one window.

    Attributes:
        start: of the window, in seconds since the epoch.
        seconds: from the produce call of the frame that closes it until its record is read.
    """

    start: int
    seconds: float


class Spread(NamedTuple):
    """Summary of latencies, in seconds."""

    windows: int
    p50_s: float
    p99_s: float
    max_s: float


def closing(began: Sequence[Began], end: int) -> Began | None:
    """Return the frame that closes a window: the first one LATENESS_S or more ahead of its end, if there is one.

    Args:
        began: in order of ts.
        end: of the window, in seconds since the epoch.
    """
    index = bisect_left(began, end + LATENESS_S, key=attrgetter("ts"))
    return began[index] if index < len(began) else None


def paired(began: Sequence[Began], arrived: Iterable[Arrived], topic: str, size_s: int) -> list[Latency]:
    """Pair each record of a topic with the frame that closes its window.

    Args:
        began: the first frames of all seconds, in order.
        size_s: of the topic's windows.
    """
    return [
        Latency(record.window.start, record.at_s - frame.at_s)
        for record in arrived
        if record.topic == topic and (frame := closing(began, record.window.start + size_s))
    ]


def spread(latencies: Sequence[Latency]) -> Spread | None:
    """Sum up latencies; None if there are none."""
    seconds = [latency.seconds for latency in latencies]
    if not seconds:
        return None
    return Spread(len(seconds), percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds))


def percentile(numbers: Sequence[float], share: float) -> float:
    """Return the smallest number that is not exceeded by this share of the numbers (nearest rank).

    Args:
        share: above 0, at most 1.
    """
    rank = math.ceil(round(share * len(numbers), 9))  # 0.07 * 100 is slightly more than 7
    return sorted(numbers)[max(rank, 1) - 1]
