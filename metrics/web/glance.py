"""A system at a glance: its state in a few words, one number, and what makes a number good or bad."""

from enum import Enum
from typing import NamedTuple


class Condition(Enum):
    """State of something at a glance; the value is the icon beside the words."""

    GOOD = "check_circle"
    IDLE = "pause_circle"
    WARNING = "warning"
    BAD = "error"
    UNKNOWN = "help_outline"


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
        return condition, {Condition.GOOD: "good", Condition.WARNING: "high", Condition.BAD: "very high"}[condition]


class State(NamedTuple):
    """The state of a system in a few words."""

    condition: Condition
    words: str


class Glance(NamedTuple):
    """The state of a system, and its most important number with a line of explanation."""

    state: State
    number: str
    meaning: str
