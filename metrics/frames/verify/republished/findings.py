"""What was found out about the republished stream."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from metrics.frames.verify.findings import Difference, Findings, Kind
from metrics.frames.verify.republished.entry import Entry
from metrics.text import numbered


class Places(NamedTuple):
    """How frames and copies are named."""

    input: str
    stream: str

    def frame(self, entry: Entry) -> str:
        """Name a frame."""
        return f"{self.input}/{entry.partition} offset {entry.offset:,}"

    def copy(self, entry: Entry) -> str:
        """Name a copy."""
        return f"{self.stream}/{entry.partition} offset {entry.offset:,}"


class Republished(NamedTuple):
    """What was found out.

    Attributes:
        most: so many differences of each walk are kept, those furthest to the front; all are counted.
        moved: copies whose timestamp is not the frame's, but one that limits of the topic explain.
        begins: for each partition of the input, from which offset on it was compared; only where it has frames before.
        older: copies that may be of frames that the input no longer holds, by partition of the stream.
        compared: how many frames have a copy, by partition of the input.
        undecided: what could not be decided, as a sentence.
    """

    most: int
    kept: list[Difference]
    counts: Counter[Kind]
    moved: Counter[int]
    begins: dict[int, int]
    older: Counter[int]
    compared: Counter[int]
    undecided: list[str]

    def tell(self, places: Places, findings: Findings) -> None:
        """Note what differs, and what was not compared."""
        for difference in self.kept:
            findings.add(
                difference.kind,
                difference.of,
                recount=difference.recount,
                published=difference.published,
                note=difference.note,
            )
        findings.counts.update(self.counts - Counter(difference.kind for difference in self.kept))
        findings.remarks.extend(self._remarks(places))

    def _remarks(self, places: Places) -> Iterator[str]:
        stream, begins = places.stream, sorted(self.begins.items())
        if not self.compared:
            yield f"{stream} holds no frame of {places.input}"
        elif begins:
            starts = ", ".join(f"{places.input}/{number} from offset {offset:,} on" for number, offset in begins)
            yield f"{stream} holds a later part of the input, and was compared with that: {starts}"
        if older := self.older.total():
            yield (
                f"{numbered(older, 'frame')} in {stream} may be of frames that {places.input} no longer holds: "
                "not compared"
            )
        if moved := self.moved.total():
            yield (
                f"{numbered(moved, 'frame')} in {stream} with a timestamp that is not the frame's own: "
                "the limits of that topic explain it (message.timestamp.before.max.ms, message.timestamp.after.max.ms)"
            )
        for what in self.undecided:
            yield f"{stream} has fewer partitions than {places.input}, where frames look alike: {what}"


def nothing_found(most: int) -> Republished:
    """Return what is known before anything was walked through; at most so many differences are kept."""
    return Republished(most, [], Counter(), Counter(), {}, Counter(), Counter(), [])


def groups(inputs: Iterable[int], copies: int) -> list[tuple[list[int], list[int]]]:
    """Tell which partitions of the input and of the stream have to be walked together.

    A frame stays in its partition where the stream has it; the others may be in any.

    Args:
        copies: how many partitions the stream has.
    """
    numbers = sorted(inputs)
    if any(number >= copies for number in numbers):
        return [(numbers, list(range(copies)))]
    return [([number] if number in numbers else [], [number]) for number in range(copies)]
