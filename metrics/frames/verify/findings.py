"""What a verification found."""

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from metrics.frames.records import Strays

if TYPE_CHECKING:
    from metrics.frames.sizes import Size

MOST_DIFFERENCES = 100


class Kind(StrEnum):
    """How an output differs from the recount."""

    DIFFERS = "differs"
    AVERAGE = "average"  # only the average, or the length of a gap, does
    MISSING = "missing"
    DELETED = "deleted"
    DOUBLED = "doubled"
    TOO_MANY = "too many"
    UNREADABLE = "unreadable"
    OUT_OF_ORDER = "out of order"  # so many of these that they are only counted
    REJECTED = "rejected"
    CONSERVATION = "conservation"
    TOTAL = "total"
    FRAME_MISSING = "frame missing"  # these are about the republished stream
    FRAME_TOO_MANY = "frame too many"
    FRAME_DIFFERS = "frame differs"
    CLOSED_EARLY = "closed early"  # no contradiction: the log proves neither value


class Verdict(StrEnum):
    """What a verification comes to."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_COMPARED = "not compared"  # windows are published, or may have to be, and none could be compared
    NOTHING_TO_COMPARE = "nothing to compare"  # none is published, and by the input none has to be


class Difference(NamedTuple):
    """One difference, for people and machines.

    Attributes:
        of: `second`, `minute`, or what else it is about.
        window: the window's start, or None.
        recount: what the recount found.
        published: what the outputs, or the state, hold.
        note: what is known besides.
    """

    kind: Kind
    of: str
    window: int | None
    recount: str
    published: str
    note: str = ""


class Findings:
    """The differences found so far; the first `most` are kept, all are counted.

    Attributes:
        kept: the first differences.
        counts: how many there were of each kind.
        compared: how many windows were compared, by size.
        published: how many records the outputs hold of windows that were asked for, by size.
        why_not_compared: why none of these could be compared; empty where some were, or there is none.
        waiting: windows with frames that the job had not closed yet, by size.
        late_by_early_closing: frames that came, by the outputs, after their second had been closed, although event time
            of their own partition had not passed it.
        remarks: what could not be verified, and why.
    """

    def __init__(self, most: int = MOST_DIFFERENCES) -> None:
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
        """Note a difference. What contradicts is kept before what only cannot be decided."""
        self.counts[kind] += 1
        if len(self.kept) == self.most and kind is not Kind.CLOSED_EARLY:
            undecided = [number for number, kept in enumerate(self.kept) if kept.kind is Kind.CLOSED_EARLY]
            for number in undecided[-1:]:
                del self.kept[number]
        if len(self.kept) < self.most:
            self.kept.append(Difference(kind, of, window, recount, published, note))

    def add_strays(self, of: str, strays: Strays) -> None:
        """Note what is no record of a window, and that more was out of order than is kept."""
        for unreadable in strays.unreadable:
            self.add(Kind.UNREADABLE, of, published=unreadable.place)
        self.counts[Kind.UNREADABLE] += strays.unreadable_left_out
        self.counts[Kind.OUT_OF_ORDER] += strays.left_out

    @property
    def verdict(self) -> Verdict:
        """What it comes to: what contradicts is found even where no window could be compared."""
        if self.contradictions:
            return Verdict.DIFFERS
        if self.why_not_compared:
            return Verdict.NOT_COMPARED
        return Verdict.AGREES if self.compared.total() else Verdict.NOTHING_TO_COMPARE

    @property
    def agrees(self) -> bool:
        """Whether nothing contradicts the recount, and not for want of anything to hold against it."""
        return self.verdict in (Verdict.AGREES, Verdict.NOTHING_TO_COMPARE)

    @property
    def contradictions(self) -> int:
        """How many differences contradict the recount."""
        return self.counts.total() - self.counts[Kind.CLOSED_EARLY]

    @property
    def left_out(self) -> int:
        """How many differences were not kept."""
        return self.counts.total() - len(self.kept)
