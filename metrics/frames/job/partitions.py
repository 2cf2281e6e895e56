"""Partitions of the input that need more than counting: new ones, idle ones, those far ahead in event time."""

from time import monotonic

from metrics.frames.core.counter import Counter
from metrics.kafka.job.input_monitor import EndOffset, InputMonitor
from metrics.kafka.job.source import Input

END_OFFSETS_S = 0.5


class Partitions:
    """Partitions that are new, idle, or far ahead of the others.

    Args:
        idle_s: the idle timeout, in seconds without new event time.
        align_s: how many seconds of event time a partition may be ahead of the slowest.

    Attributes:
        end_offsets: the last known end offset of each partition.
    """

    def __init__(self, counter: Counter, source: Input, monitor: InputMonitor, idle_s: int, align_s: int) -> None:
        self._counter = counter
        self._source = source
        self._monitor = monitor
        self._idle_s = idle_s
        self._align_s = align_s
        self.end_offsets: dict[int, EndOffset] = {}
        self._to_reach: dict[int, EndOffset] = {}
        self._asked_at_s = monotonic()

    def look(self, now_s: float) -> None:
        """Add new partitions, find idle ones, pause those far ahead.

        Raises:
            FencedError: another instance has taken over.
            StateError, TopicError: the input topic was deleted, and perhaps created again.
        """
        self._monitor.look(now_s)
        self._add_new(now_s)
        self._find_idle(now_s)
        if len(self._counter.partitions) > 1:
            self._align(now_s)

    def _add_new(self, now_s: float) -> None:
        for partition in range(len(self._counter.partitions), self._monitor.partitions):
            self._counter.add_partition(partition, 0, now_s)
            self._source.add_partition(partition, 0)

    def _align(self, now_s: float) -> None:
        """Pause partitions that are far ahead in event time until the slowest has come closer, to bound the memory.

        Windows close no later because of it. Pausing a partition discards what was fetched from it, so it is resumed
        only once half of its lead is gone.
        """
        paused = self._source.paused
        leads = self._counter.leads(now_s).items()
        limits = {number: self._align_s // 2 if number in paused else self._align_s for number, _ in leads}
        self._source.pause({number for number, lead_s in leads if lead_s > limits[number]})

    def _find_idle(self, now_s: float) -> None:
        """Mark partitions idle that were read to their end and had no new event time for idle_s.

        The broker is asked for the end repeatedly: only its answer distinguishes an idle partition from a broken
        connection, or from a suspended process. New records may not advance event time either, so an answer is kept
        until the partition is read up to it.
        """
        clocks = {number: partition.clock for number, partition in self._counter.partitions.items()}
        for end in self._monitor.end_offsets():
            self.end_offsets[end.partition] = end
            self._to_reach.setdefault(end.partition, end)
        for partition, offset, asked_at_s in [*self._to_reach.values()]:
            if self._source.reached[partition] >= offset:
                if asked_at_s - clocks[partition].moved_at_s >= self._idle_s:
                    self._counter.mark_idle(partition, asked_at_s)
                else:
                    self._counter.mark_active(partition)
                del self._to_reach[partition]
            elif now_s - asked_at_s >= END_OFFSETS_S:
                self._counter.mark_active(partition)
        if now_s - self._asked_at_s >= END_OFFSETS_S:
            self._asked_at_s = now_s
            still = [partition for partition, clock in clocks.items() if now_s - clock.moved_at_s >= self._idle_s]
            self._monitor.request_end_offsets(still, now_s)
        for partition in self._source.ended():
            self._counter.mark_idle(partition, now_s)  # with a given end, nothing more can come
