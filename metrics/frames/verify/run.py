"""Verification: the state, input and outputs of a consumer group, reread and compared."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Message

from metrics.frames import topics_in_use
from metrics.frames.core.frame import NOT_REPUBLISHED
from metrics.frames.core.reading import ReadFrame, reader
from metrics.frames.core.state import State
from metrics.frames.records import Strays
from metrics.frames.results.rejected import headers_text
from metrics.frames.settings import Settings
from metrics.frames.sizes import Size
from metrics.frames.topics_in_use import TopicsInUse
from metrics.frames.verify import outputs
from metrics.frames.verify.recount.audit import Outputs, audit
from metrics.frames.verify.recount.findings import Findings
from metrics.frames.verify.recount.judge import Judged, PartitionJudge, Received
from metrics.frames.verify.recount.rejected import RejectedRecords
from metrics.frames.verify.recount.republished import Republished, TimestampLimits, add_to_findings
from metrics.frames.verify.snapshot import Snapshot
from metrics.frames.verify.stream import Stream
from metrics.frames.verify.wholeness import is_whole, windows_whole_from
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.kafka.record_metadata import stamp_ms
from metrics.time.moments import ALL_TIME, Range, rfc3339
from metrics.wording.text import numbered

if TYPE_CHECKING:
    from metrics.frames.verify.recount.conservation import Row


class Verification:
    """Verification, ready to run.

    Attributes:
        frames: upper bound of the number of frames to read, by offsets.
        asked: the windows to compare.
        whole_from: the second from which the input has all frames.
        findings: the findings.
        terms: the terms of the conservation law by state and recount; none if the input is incomplete.
        republished: the findings about the republished stream; None if it was not compared.
    """

    def __init__(
        self,
        consumer: Consumer,
        settings: Settings,
        snapshot: Snapshot,
        in_use: TopicsInUse,
        asked: Range,
        findings: Findings,
    ) -> None:
        self.findings = findings
        self.asked = asked
        self.whole_from = 0
        self.state = snapshot.state
        self.terms: list[Row] = []
        self.republished: Republished | None = None
        self._compares_stream = bool(snapshot.republished) and asked == ALL_TIME
        stream = snapshot.republished if self._compares_stream else []
        self.frames = sum(max(0, part.end - part.start) for part in (*snapshot.input, *stream))
        self._in_use = in_use
        self._consumer = consumer
        self._settings = settings
        self._snapshot = snapshot
        self._incomplete: list[int] = []

    @property
    def within(self) -> Range:
        """The windows that it compares."""
        return Range(max(self.asked.start, self.whole_from), self.asked.end)

    def run(self, on_progress: Callable[[int], None]) -> None:
        """Read everything, and note the differences.

        First the outputs alone, for records out of order and for late frames in the dead letter topic; then input and
        outputs side by side; then the republished stream.
        """
        snapshot, progress = self._snapshot, Progress(on_progress)
        strays = {size: self._strays(size) for size in snapshot.outputs}
        rejected = self._rejected()
        ranges = [*snapshot.input, *chain.from_iterable(snapshot.outputs.values())]
        self._incomplete = [part.partition for part in snapshot.input if not self._is_complete(part)]
        streams = Streams(self._consumer, ranges)
        if self._incomplete:
            self._find_what_is_whole(streams)
        if since := self.state.counted_since:
            self.findings.remarks.append(
                f"the group was reset: averages are verified from {rfc3339(since)}, and so are totals and counted "
                "frames; the other counters are not"
            )
        stream = self._stream(rejected.not_republished) if self._compares_stream else None
        self.terms = audit(
            self.state,
            [self._judged(streams, part, rejected, progress, stream) for part in snapshot.input],
            {
                size: Outputs(outputs.in_order(streams, size, snapshot.outputs[size]), strays[size].by_start)
                for size in strays
            },
            rejected,
            self.findings,
            asked=self.asked,
            whole_from=self.whole_from,
            gap_limit_s=self._settings.gap_limit_s,
            is_complete=not self._incomplete,
            is_settled=snapshot.is_settled,
        )
        if stream is not None:
            self._compare_stream(stream, progress)

    def _stream(self, left_out: Mapping[int, Collection[int]]) -> Stream | None:
        """Return the republished stream, to be compared with the frames that are read; None if it cannot be."""
        if not self._snapshot.is_settled:
            self.findings.remarks.append(
                f"{self._settings.output_stream} was not compared: the job commits too often for a consistent snapshot"
            )
            return None
        if frames := sum(map(len, left_out.values())):
            self.findings.remarks.append(
                f"{numbered(frames, 'frame')} could not be republished: "
                f"rejected as {' or '.join(sorted(NOT_REPUBLISHED))}, and counted"
            )
        return Stream(self._consumer, self._snapshot, reader(self.state.rules.shape), left_out)

    def _compare_stream(self, stream: Stream, progress: Progress) -> None:
        topic = self._settings.output_stream or ""
        limits = self._in_use.limits[topic]
        self.republished = stream.compare(
            self._incomplete, TimestampLimits(limits.behind_ms, limits.ahead_ms), progress
        )
        was_reset = bool(self.state.counted_since)
        add_to_findings(self.republished, self._settings.input_topic, topic, self.findings, was_reset=was_reset)

    def _rejected(self) -> RejectedRecords:
        ranges = self._snapshot.rejected
        streams = Streams(self._consumer, ranges)
        messages = chain.from_iterable(streams.of(part.topic, part.partition) for part in ranges)
        rejected = read_rejected(messages, self._settings.input_topic, self.state)
        if untimed := rejected.late_untimed:
            self.findings.remarks.append(
                f"{numbered(untimed, 'late frame')} in {self._settings.rejected_topic} without the headers "
                "ts and event_time (earlier versions wrote none): taken to be late, not verified"
            )
        return rejected

    def _strays(self, size: Size) -> Strays:
        ranges, strays = self._snapshot.outputs[size], Strays()
        streams = Streams(self._consumer, ranges)
        for part in ranges:
            strays.look_through(record for _, record in outputs.records(streams, size, part))
        self.findings.add_strays(size.name, strays)
        return strays

    def _judged(
        self,
        streams: Streams,
        part: PartitionRange,
        rejected: RejectedRecords,
        progress: Progress,
        stream: Stream | None,
    ) -> Iterator[Judged]:
        messages = progress.over(part, streams.of(part.topic, part.partition))
        received = _received(messages, reader(self.state.rules.shape), stream)
        hints = rejected.hints(part.partition, self.state.partitions[part.partition])
        return PartitionJudge(part.partition, received, self.state.rules, hints).judged()

    def _find_what_is_whole(self, streams: Streams) -> None:
        """Leave out windows whose first frames are gone from the topic, or were judged by other rules."""
        cut = [part for part in self._snapshot.input if part.partition in self._incomplete]
        self.whole_from = windows_whole_from(streams, cut, self.state)
        has_first = all(part.start == 0 for part in self._snapshot.input)
        why = "frames were given up as lost" if has_first else "the input no longer has its first frames"
        if any(at.judged_since for at in self.state.partitions.values()):
            why = "settings that say how frames are read or judged have been changed"
        self.findings.remarks.append(
            f"{why}: verified from {rfc3339(self.within.start)}, and without the conservation law"
        )

    def _is_complete(self, part: PartitionRange) -> bool:
        if self.state.counted_since:
            return part.start == 0  # the state no longer has the number of records read
        return is_whole(self._consumer, part, self.state.partitions[part.partition])


def _received(messages: Iterable[Message], read: ReadFrame, stream: Stream | None) -> Iterator[Received]:
    """Yield the records of a partition of the input, and add each to the republished stream."""
    for message in messages:
        recorded_at_ms = stamp_ms(message)
        recorded_at_s = None if recorded_at_ms is None else recorded_at_ms / 1000
        received = Received(message.offset() or 0, read(message), recorded_at_s)
        if stream is not None:
            stream.expect(message.partition() or 0, message, received)
        yield received


def read_rejected(messages: Iterable[Message], input_topic: str, state: State) -> RejectedRecords:
    """Read the records of frames of an input topic before the state's positions."""
    rejected = RejectedRecords(state)
    for message in messages:
        headers = headers_text(message)
        try:
            partition, offset = int(headers["partition"]), int(headers["offset"])
        except (KeyError, ValueError):
            continue  # not written by this program
        saved = state.partitions.get(partition)
        if headers.get("topic") == input_topic and saved is not None and offset < saved.position:
            times = (_seconds(headers.get(name, "")) for name in ("ts", "event_time"))
            rejected.add(partition, offset, headers.get("reason", ""), *times)
    return rejected


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


@contextmanager
def opened(settings: Settings, asked: Range, findings: Findings) -> Iterator[Verification]:
    """Open a verification of the group's present outputs.

    Raises:
        MetricsError: the broker or a topic prevents it, or the group has no state.
    """
    admin = open_admin(settings)
    in_use = topics_in_use.check(admin, settings)
    consumer = open_reader(settings)
    try:
        snapshot = Snapshot(admin, consumer, settings, in_use)
        yield Verification(consumer, settings, snapshot, in_use, asked, findings)
    finally:
        consumer.close()
