"""Latency: from the produce of the frame that closes a window to its record being readable, committed."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from benchmark.broker import Arrived
from benchmark.live.fed import Began, closing


class Latency(msgspec.Struct, frozen=True):
    """One window.

    Attributes:
        start: of the window, in seconds since the epoch.
        seconds: from the produce of the frame that closes it to its record being read.
    """

    start: int
    seconds: float


class Spread(NamedTuple):
    """Latencies summed up, in seconds."""

    windows: int
    p50_s: float
    p99_s: float
    max_s: float


def paired(began: Sequence[Began], arrived: Iterable[Arrived], topic: str, size_s: int) -> list[Latency]:
    """Pair each record of a topic with the frame that closes its window.

    Args:
        began: the first frames of all seconds, in order.
        size_s: of the topic's windows.
    """
    latencies = []
    for record in arrived:
        if record.topic == topic:
            frame = closing(began, record.window.start + size_s)
            if frame is not None:
                latencies.append(Latency(record.window.start, record.at_s - frame.at_s))
    return latencies


def spread(latencies: Sequence[Latency]) -> Spread | None:
    """Sum up latencies; None where there are none."""
    seconds = [latency.seconds for latency in latencies]
    if not seconds:
        return None
    return Spread(len(seconds), percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds))


def percentile(numbers: Sequence[float], share: float) -> float:
    """Return the smallest of the numbers that at least this share of them do not exceed (nearest rank).

    Args:
        share: above 0, at most 1.
    """
    rank = math.ceil(round(share * len(numbers), 9))  # 0.07 * 100 is a little more than 7
    return sorted(numbers)[max(rank, 1) - 1]
