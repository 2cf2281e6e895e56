"""A system at a glance: its state in a few words, one number, and what makes a number good or bad."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from metrics.wording.errors import NoDatabaseError


class Condition(Enum):
    """State of something at a glance; the value is the icon beside the words."""

    GOOD = "check_circle"
    IDLE = "pause_circle"
    WARNING = "warning"
    BAD = "error"
    UNKNOWN = "help_outline"

    @property
    def is_grave(self) -> bool:
        """Whether somebody should look."""
        return self in (Condition.WARNING, Condition.BAD)


VERDICTS = {Condition.GOOD: "good", Condition.WARNING: "high", Condition.BAD: "very high"}
FEW = 3  # of fewer rejected ones, a share says little


def worst(conditions: Iterable[Condition]) -> Condition:
    """Return the worst of some conditions: bad, or a warning; good if none is either."""
    found = {*conditions}
    return next((each for each in (Condition.BAD, Condition.WARNING) if each in found), Condition.GOOD)


class Thresholds(NamedTuple):
    """The values from which on a figure is amber, and red."""

    amber: int
    red: int

    def condition(self, value: float) -> Condition:
        """Return the condition of a figure that is the worse the higher it is."""
        if value >= self.red:
            return Condition.BAD
        return Condition.WARNING if value >= self.amber else Condition.GOOD

    def verdict(self, value: float) -> tuple[Condition, str]:
        """Return the condition, and the same in a word or two."""
        condition = self.condition(value)
        return condition, VERDICTS[condition]

    def verdict_of_share(self, number: int, of: int) -> tuple[Condition, str]:
        """Return the same of a share in percent, for thresholds of one; it is neither good nor high for a FEW."""
        condition, words = self.verdict(100 * number / of if of else 0)
        return (condition, words) if number >= FEW or condition is Condition.GOOD else (Condition.UNKNOWN, "few")


class State(NamedTuple):
    """The state of a system in a few words."""

    condition: Condition
    words: str

    def but(self, concerns: Iterable[tuple[Condition, str]]) -> "State":
        """Return the state with what else is not as it should be, in the worst of all conditions; idle stays idle."""
        grave = [(condition, words) for condition, words in concerns if condition.is_grave]
        if self.condition is Condition.IDLE or not grave:
            return self
        condition = worst([self.condition, *(condition for condition, _ in grave)])
        return State(condition, "; ".join([self.words, *(words for _, words in grave)]))


def of_error(error: Exception) -> State:
    """Return the state of a system that cannot be read."""
    is_new = isinstance(error, NoDatabaseError)
    return State(Condition.IDLE, "Not set up") if is_new else State(Condition.BAD, "No answer")


class Glance(NamedTuple):
    """The state of a system, and its most important number with a line of explanation."""

    state: State
    number: str
    meaning: str
