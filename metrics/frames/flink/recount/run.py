"""The recount: the input of a job and what it has published, reread and compared."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, Message

from metrics.frames.core.frame import Reason
from metrics.frames.core.reading import ReadFrame, reader
from metrics.frames.core.windows import Series
from metrics.frames.flink.recount.judge import judged
from metrics.frames.flink.recount.snapshot import JobSnapshot
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.records import OfWindow, Record, Strays, Unreadable
from metrics.frames.sizes import SIZES, Size
from metrics.frames.verify import outputs
from metrics.frames.verify.recount.comparison import Comparison
from metrics.frames.verify.recount.findings import Findings, Kind
from metrics.frames.verify.recount.judge import Judged, Received
from metrics.frames.verify.recount.windows import Recount
from metrics.frames.verify.wholeness import windows_whole_from
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.kafka.record_metadata import stamp_ms
from metrics.time.moments import ALL_TIME, Range, rfc3339
from metrics.wording.text import numbered

if TYPE_CHECKING:
    from metrics.frames.verify.recount.conservation import Row
    from metrics.frames.verify.recount.republished import Republished

# Invalid frames with these reasons: some of them count on Flink.
_PERHAPS_COUNTED = {Reason.NOT_JSON, Reason.WRONG_UID}


class JobRecount:
    """Recount of what a job has read, ready to run.

    Attributes:
        frames: upper bound of the number of frames to read, by offsets.
        findings: the differences.
        asked, terms, republished: as of a `Verification`; it is always asked for everything, and compares windows only.
    """

    def __init__(self, consumer: Consumer, settings: FlinkSettings, snapshot: JobSnapshot) -> None:
        self.findings = Findings()
        self.asked = ALL_TIME
        self.terms: list[Row] = []
        self.republished: Republished | None = None
        self.frames = sum(part.end - part.start for part in snapshot.input)
        self._consumer = consumer
        self._settings = settings
        self._snapshot = snapshot
        self._whole_from = 0
        self._ends: Counter[Size] = Counter()  # of the last window of each size that is published
        self._reasons: Counter[Reason | None] = Counter()

    @property
    def within(self) -> Range:
        """The windows that it compares, of all sizes."""
        return Range(min(map(self._begin, SIZES)), self.asked.end)

    def run(self, on_progress: Callable[[int], None]) -> None:
        """Read everything, and note the differences: the outputs alone, then input and outputs side by side."""
        snapshot, progress = self._snapshot, Progress(on_progress)
        strays = {size: self._strays(size) for size in SIZES}
        has_read_all = self._has_read_all()
        ranges = [*snapshot.input, *(part for parts in snapshot.outputs.values() for part in parts)]
        streams = Streams(self._consumer, ranges)
        if snapshot.cut:
            self._find_what_is_whole(streams)
        due = _Due(snapshot, self._settings.lateness_s, self._ends, has_read_all=has_read_all)
        comparisons = {
            size: self._comparison(size, due.series[size], strays[size], streams, is_settled=has_read_all)
            for size in SIZES
        }
        frames = [due.watching(self._judged(streams, part, progress)) for part in snapshot.input]
        for window in Recount().windows(frames, self._settings.lateness_s):
            comparisons[window.size].expect(window)
        for comparison in comparisons.values():
            comparison.finish()
        self._explain()

    def _has_read_all(self) -> bool:
        """Return whether no frame comes after those that the job has read; markers of transactions may."""
        streams = Streams(self._consumer, self._snapshot.after)
        if not any(streams.first(part.topic, part.partition, 1) for part in self._snapshot.after):
            return True
        self.findings.remarks.append(
            f"the topic {self._settings.input_topic} has frames after those that the job had read at its last "
            "checkpoint: windows that they may change are not compared"
        )
        return False

    def _find_what_is_whole(self, streams: Streams) -> None:
        self._whole_from = windows_whole_from(streams, self._snapshot.cut, self._snapshot.state)
        self.findings.remarks.append(
            f"the input no longer has its first frames: compared from {rfc3339(self._whole_from)} on"
        )

    def _comparison(self, size: Size, due: Series, strays: Strays, streams: Streams, *, is_settled: bool) -> Comparison:
        begin = self._begin(size)
        return Comparison(
            size,
            self._noted(outputs.in_order(streams, size, self._snapshot.outputs[size]), begin),
            strays.by_start,
            due,
            Range(begin, self.asked.end),
            self.findings,
            gap_limit_s=self._settings.gap_limit_s,
            is_settled=is_settled,
            may_close_early=False,
        )

    def _begin(self, size: Size) -> int:
        """Return the start of the first window of a size that is compared: the one that was open when the job began."""
        state = self._snapshot.state
        return max(self._whole_from, size.start_of(state.series[size.size_s].closed_through), state.added_from(size))

    def _noted(self, records: Iterator[Record], begin: int) -> Iterator[Record]:
        """Yield records, and count those from a second on."""
        for record in records:
            self.findings.published[record.size] += record.start >= begin
            yield record

    def _strays(self, size: Size) -> Strays:
        """Read the records of a size: find those out of order, the last one, and those with other bytes."""
        parts, strays = self._snapshot.outputs[size], Strays()
        streams = Streams(self._consumer, parts)
        for part in parts:
            strays.look_through(self._written(streams, size, part))
        self.findings.add_strays(size.name, strays)
        return strays

    def _written(self, streams: Streams, size: Size, part: PartitionRange) -> Iterator[OfWindow | Unreadable]:
        begin = self._begin(size)
        for message, record in outputs.records(streams, size, part):
            if isinstance(record, Record):
                self._ends[size] = max(self._ends[size], record.end)
                if record.start >= begin and not _is_as_written(record, message):
                    self.findings.add(
                        Kind.DIFFERS,
                        size.name,
                        record.start,
                        recount=f"{record.value().decode()} at {_timestamp_ms(record)} ms",
                        published=f"{(message.value() or b'').decode()} at {message.timestamp()[1]} ms",
                    )
            yield record

    def _judged(self, streams: Streams, part: PartitionRange, progress: Progress) -> Iterator[Judged]:
        messages = progress.over(part, streams.of(part.topic, part.partition))
        newest = self._snapshot.state.partitions[part.partition].newest_at_restart
        rules = self._settings.rules()
        received = _received(messages, reader(rules.shape))
        for frame in judged(part.partition, received, rules, newest):
            self._reasons[frame.reason] += 1
            yield frame

    def _explain(self) -> None:
        """Say why nothing was compared, or what differences may come of."""
        findings = self.findings
        if findings.published.total() and not findings.compared.total():
            findings.why_not_compared = "the frames that the job has read, and the input still has, close none of these"
        if future := self._reasons[Reason.FUTURE]:
            findings.remarks.append(
                f"frames that did not count, since they are more than FUTURE_LIMIT_S after their Kafka timestamps: "
                f"{future:,}; the application counts those that the frames after them prove"
            )
        odd = sum(self._reasons[reason] for reason in _PERHAPS_COUNTED)
        if findings.contradictions and odd:
            findings.remarks.append(
                f"{numbered(odd, 'invalid frame')} did not count here, and may on Flink: docs/flink.md, What cannot be "
                "equal"
            )


class _Due:
    """Windows that a job must have published: those that the frames it has read have closed, in all partitions.

    If it has read all, also the windows up to its last record: it may have ended with the input.

    Attributes:
        series: of each size, with the end of these windows; final once all frames were watched, and before for each
            window that the recount has decided on.
    """

    def __init__(self, snapshot: JobSnapshot, lateness_s: int, ends: Counter[Size], *, has_read_all: bool) -> None:
        self._lateness_s = lateness_s
        self._at_least = ends if has_read_all else Counter[Size]()
        self.series = {
            size: Series(
                closed_through=ends[size] if size in snapshot.open else ALL_TIME.end,
                since=snapshot.state.series[size.size_s].since,
            )
            for size in SIZES
        }

    def watching(self, frames: Iterable[Judged]) -> Iterator[Judged]:
        """Yield the frames of a partition; after the last one, the windows that it keeps open are not due."""
        newest = -1
        for frame in frames:
            newest = frame.newest
            yield frame
        for size, series in self.series.items():
            series.closed_through = min(series.closed_through, max(newest - self._lateness_s, self._at_least[size]))


def _received(messages: Iterable[Message], read: ReadFrame) -> Iterator[Received]:
    for message in messages:
        recorded_at_ms = stamp_ms(message)
        recorded_at_s = None if recorded_at_ms is None else recorded_at_ms / 1000
        yield Received(message.offset() or 0, read(message), recorded_at_s)


def _is_as_written(record: Record, message: Message) -> bool:
    """Return whether a message has the bytes of a record, and its timestamp, unless the topic has set that."""
    kind, timestamp_ms = message.timestamp()
    has_timestamp = kind == TIMESTAMP_LOG_APPEND_TIME or timestamp_ms == _timestamp_ms(record)
    return has_timestamp and message.value() == record.value()


def _timestamp_ms(record: Record) -> int:
    return max(1, 1000 * record.start)  # a producer takes 0 for none


@contextmanager
def opened(settings: FlinkSettings) -> Iterator[JobRecount]:
    """Open a recount of what the job of the settings has read by now.

    Raises:
        StateError: the job has read nothing.
        TopicError: a topic is missing.
        BrokerError: the broker does not answer.
    """
    consumer = open_reader(settings)
    try:
        yield JobRecount(consumer, settings, JobSnapshot(open_admin(settings), settings))
    finally:
        consumer.close()
