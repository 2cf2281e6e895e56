"""Findings of a verification."""

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from metrics.frames.records import Strays

if TYPE_CHECKING:
    from metrics.frames.sizes import Size

MAX_DIFFERENCES = 100


class Kind(StrEnum):
    """Kind of a difference between an output and the recount."""

    DIFFERS = "differs"
    AVERAGE = "average"  # only the average, or the length of a gap, differs
    MISSING = "missing"
    DELETED = "deleted"
    DOUBLED = "doubled"
    TOO_MANY = "too many"
    UNREADABLE = "unreadable"
    OUT_OF_ORDER = "out of order"  # too many to list; only counted
    REJECTED = "rejected"
    CONSERVATION = "conservation"
    TOTAL = "total"
    FRAME_MISSING = "frame missing"  # these are about the republished stream
    FRAME_TOO_MANY = "frame too many"
    FRAME_DIFFERS = "frame differs"
    CLOSED_EARLY = "closed early"  # no contradiction: the log proves neither value


class Verdict(StrEnum):
    """Verdict of a verification."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_COMPARED = "not compared"  # windows are published, or may have to be, and none could be compared
    NOTHING_TO_COMPARE = "nothing to compare"  # none is published, and by the input none has to be


class Difference(NamedTuple):
    """Difference between the recount and the outputs.

    Attributes:
        of: `second`, `minute`, or another subject.
        window: the window's start, or None.
        recount: the value by the recount.
        published: the value in the outputs or the state.
        note: further details.
    """

    kind: Kind
    of: str
    window: int | None
    recount: str
    published: str
    note: str = ""


class Findings:
    """Differences found so far; the first `most` are kept, all are counted.

    Attributes:
        kept: the first differences.
        counts: number of differences of each kind.
        compared: number of windows compared, by size.
        published: number of published windows in the requested range, by size.
        why_not_compared: why none of these could be compared; empty if some were, or there are none.
        waiting: number of windows with frames that the job has not closed yet, by size.
        late_by_early_closing: number of frames that, by the outputs, arrived after their second was closed, although
            event time of their own partition had not passed it.
        remarks: what could not be verified, and why.
    """

    def __init__(self, most: int = MAX_DIFFERENCES) -> None:
        self.most = most
        self.kept: list[Difference] = []
        self.counts: Counter[Kind] = Counter()
        self.compared: Counter[Size] = Counter()
        self.published: Counter[Size] = Counter()
        self.why_not_compared = ""
        self.waiting: Counter[Size] = Counter()
        self.late_by_early_closing = 0
        self.remarks: list[str] = []

    def add(
        self, kind: Kind, of: str, window: int | None = None, *, recount: str = "", published: str = "", note: str = ""
    ) -> None:
        """Add a difference. Contradictions displace undecided ones from the list."""
        self.counts[kind] += 1
        if len(self.kept) == self.most and kind is not Kind.CLOSED_EARLY:
            undecided = [number for number, kept in enumerate(self.kept) if kept.kind is Kind.CLOSED_EARLY]
            for number in undecided[-1:]:
                del self.kept[number]
        if len(self.kept) < self.most:
            self.kept.append(Difference(kind, of, window, recount, published, note))

    def add_strays(self, of: str, strays: Strays) -> None:
        """Add the unreadable records of a topic, and the number of those out of order beyond the list."""
        for unreadable in strays.unreadable:
            self.add(Kind.UNREADABLE, of, published=unreadable.place)
        self.counts[Kind.UNREADABLE] += strays.unreadable_left_out
        self.counts[Kind.OUT_OF_ORDER] += strays.left_out

    @property
    def verdict(self) -> Verdict:
        """The verdict: contradictions count even if no window could be compared."""
        if self.contradictions:
            return Verdict.DIFFERS
        if self.why_not_compared:
            return Verdict.NOT_COMPARED
        return Verdict.AGREES if self.compared.total() else Verdict.NOTHING_TO_COMPARE

    @property
    def agrees(self) -> bool:
        """Whether nothing contradicts the recount, and a comparison was possible."""
        return self.verdict in (Verdict.AGREES, Verdict.NOTHING_TO_COMPARE)

    @property
    def contradictions(self) -> int:
        """Number of differences that contradict the recount."""
        return self.counts.total() - self.counts[Kind.CLOSED_EARLY]

    @property
    def left_out(self) -> int:
        """Number of differences that were not kept."""
        return self.counts.total() - len(self.kept)
