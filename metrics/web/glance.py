"""A system at a glance: its state in a few words, and one number."""

from enum import Enum
from typing import NamedTuple


class Condition(Enum):
    """State of something at a glance; the value is the icon beside the words."""

    GOOD = "check_circle"
    IDLE = "pause_circle"
    WARNING = "warning"
    BAD = "error"
    UNKNOWN = "help_outline"


class State(NamedTuple):
    """The state of a system in a few words."""

    condition: Condition
    words: str


class Glance(NamedTuple):
    """The state of a system, and its most important number with a line of explanation."""

    state: State
    number: str
    meaning: str
