"""Comparison of the republished stream with the frames of the input, by sums over their partitions."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from metrics.frames.verify.recount.findings import Difference, Findings, Kind
from metrics.frames.verify.recount.sums import Sum, total
from metrics.wording.text import numbered

ANY_TIME_MS = 2**63 - 1  # no limit of timestamps
READ_AGAIN = "the group was reset: frames read again are republished again, skipped frames are not"
OTHERS = "not the same frames"
ELSEWHERE = "the same frames in total: some are in another partition"


class Records(NamedTuple):
    """Records of a topic to be compared.

    Attributes:
        sums: the sum over each partition.
        last: sums up a number of last records of a partition, by reading it again.
    """

    topic: str
    sums: Mapping[int, Sum]
    last: Callable[[int, int], Sum]

    def place(self, partitions: Sequence[int]) -> str:
        """Return the name of one partition, or of the topic for several."""
        return f"{self.topic}/{partitions[0]}" if len(partitions) == 1 else self.topic

    def number(self, partitions: Sequence[int]) -> str:
        """Return the number of records in some partitions, in words."""
        return numbered(sum(self.sums[number].records for number in partitions), "frame")


class TimestampLimits(NamedTuple):
    """Limits of a topic for timestamps, relative to the broker's clock; republishing moves others to the limit."""

    behind_ms: int
    ahead_ms: int

    def explain(self, frames: Sum, copies: Sum) -> bool:
        """Return whether the limits may have moved the timestamps of some frames to those of the copies."""
        some_are_later = copies.stamps_ms >= frames.stamps_ms
        some_are_earlier = copies.stamps_ms <= frames.stamps_ms
        moves_later, moves_earlier = self.behind_ms < ANY_TIME_MS, self.ahead_ms < ANY_TIME_MS
        return (moves_later or not some_are_later) and (moves_earlier or not some_are_earlier)


class Republished(msgspec.Struct):
    """Findings about the republished stream.

    Attributes:
        compared: number of its frames that agree with the input.
        begins: the offset from which a partition of the input was compared, if it has earlier frames.
        older: number of copies that may be of frames that the input no longer has.
        moved: partitions with other timestamps than the frames, explained by limits of the topic.
        undecided: parts that could not be compared, as sentences.
        differences: the differences.
    """

    compared: int = 0
    begins: dict[int, int] = {}
    older: int = 0
    moved: list[str] = []
    undecided: list[str] = []
    differences: list[Difference] = []


class StreamComparison:
    """Comparison of a stream with the frames of its input.

    Args:
        incomplete: partitions of the input that have lost their first frames.
        limits: the timestamp limits of the stream's topic.
    """

    def __init__(self, frames: Records, copies: Records, incomplete: Collection[int], limits: TimestampLimits) -> None:
        self._frames = frames
        self._copies = copies
        self._incomplete = incomplete
        self._limits = limits
        self._found = Republished()

    def run(self) -> Republished:
        """Compare each partition; those whose frames may be in any partition are compared together."""
        frames, copies, found = total(self._frames.sums.values()), total(self._copies.sums.values()), self._found
        if copies.records:
            for inputs, outputs in groups(self._frames.sums, len(self._copies.sums)):
                self._compare(inputs, outputs)
        if copies.has_records_of(frames):
            found.differences = [each._replace(note=each.note or ELSEWHERE) for each in found.differences]
        return found

    def _compare(self, inputs: list[int], outputs: list[int]) -> None:
        frames = total(self._frames.sums[number] for number in inputs)
        copies = total(self._copies.sums[number] for number in outputs)
        surplus = copies.records - frames.records
        if surplus > 0 and not any(number in self._incomplete for number in inputs):
            self._note(Kind.FRAME_TOO_MANY, inputs, outputs)
        elif surplus and len(inputs) > 1:
            self._found.undecided.append(
                f"{self._copies.topic} has fewer partitions than {self._frames.topic}, and {copies.records:,} frames "
                f"instead of {frames.records:,}: not compared, since it may begin at another frame"
            )
        elif surplus > 0:
            copies = self._copies.last(outputs[0], frames.records)
            if self._agree(Kind.FRAME_DIFFERS, inputs, outputs, frames, copies):
                self._found.older += surplus
        elif surplus < 0:
            frames = self._frames.last(inputs[0], copies.records)
            if self._agree(Kind.FRAME_MISSING, inputs, outputs, frames, copies):
                self._found.begins[inputs[0]] = frames.first
        else:
            self._agree(Kind.FRAME_DIFFERS, inputs, outputs, frames, copies)

    def _agree(self, kind: Kind, inputs: list[int], outputs: list[int], frames: Sum, copies: Sum) -> bool:
        """Return whether copies are of the same records as frames; note differences, also in timestamps."""
        if not copies.has_records_of(frames):
            self._note(kind, inputs, outputs)
            return False
        self._found.compared += copies.records
        if frames.unstamped or copies.unstamped or frames.stamped == copies.stamped:
            return True
        if self._limits.explain(frames, copies):
            self._found.moved.append(self._copies.place(outputs))
        else:
            self._note(Kind.FRAME_DIFFERS, inputs, outputs, "not the same timestamps")
        return True

    def _note(self, kind: Kind, inputs: list[int], outputs: list[int], note: str = "") -> None:
        expected = f"{self._frames.number(inputs)} of {self._frames.place(inputs)}" if inputs else ""
        there = f"{self._copies.number(outputs)} in {self._copies.place(outputs)}"
        self._found.differences.append(Difference(kind, "republished", None, expected, there, note))


def groups(inputs: Iterable[int], copies: int) -> list[tuple[list[int], list[int]]]:
    """Return the partitions of the input and of the stream that must be compared together.

    A frame stays in its partition if the stream has one of that number; other frames may be in any.

    Args:
        copies: number of partitions of the stream.
    """
    numbers = sorted(inputs)
    if any(number >= copies for number in numbers):
        return [(numbers, list(range(copies)))]
    return [([number] if number in numbers else [], [number]) for number in range(copies)]


def add_to_findings(found: Republished, topic: str, stream: str, findings: Findings, *, was_reset: bool) -> None:
    """Add the differences, and remarks on parts that were not compared."""
    for difference in found.differences:
        findings.add(
            difference.kind,
            difference.of,
            recount=difference.recount,
            published=difference.published,
            note=difference.note
            or (READ_AGAIN if was_reset else OTHERS if difference.kind is Kind.FRAME_DIFFERS else ""),
        )
    findings.remarks.extend(_remarks(found, topic, stream))


def _remarks(found: Republished, topic: str, stream: str) -> Iterator[str]:
    if not (found.compared or found.differences or found.undecided):
        yield f"{stream} contains no frame of {topic}"
    if found.begins:
        starts = ", ".join(f"{topic}/{number} from offset {at:,} on" for number, at in sorted(found.begins.items()))
        yield f"{stream} contains a later part of the input, and was compared with that: {starts}"
    if found.older:
        older = numbered(found.older, "frame")
        yield f"{older} in {stream} may be of frames that {topic} no longer has: not compared"
    if found.moved:
        yield (
            f"some timestamps in {', '.join(found.moved)} differ from the frames': that topic's limits may explain "
            "this (message.timestamp.before.max.ms, message.timestamp.after.max.ms)"
        )
    yield from found.undecided
