"""Every error a command may end with, and the exit code that scripts see.

MetricsError                1   a check found a difference
├── SettingsError           2   settings, arguments or options
├── FileError               3   a file or folder
├── UnavailableError            a remote system is away: a job retries until its retry budget is spent
│   ├── BrokerError         4   the broker
│   │   └── RefusedError        it answered, but refused records
│   │       └── DeniedError     for missing permissions or wrong credentials, so retrying is useless
│   └── DatabaseError      10   the database
│       ├── NoAnswerError       it is away, or does not answer
│       └── UnsuitableError     it answers, but is too old, or has other tables, so retrying is useless
├── TopicError              5   a topic
├── LocalServerError        6   the broker or the database on this machine
├── StateError              7   the saved state
├── FencedError             8   another instance
│   ├── ReplacedError           one that was started with --take-over
│   └── AlreadyRunningError     one of this machine, in the same folder
├── StreamError             9   live streams that were away or refused when their run stopped
├── DataRefusedError       11   data that would be loaded, but must not be
├── FlinkError             12   Apache Flink
└── OutputClosedError     141   standard output was closed
"""

from typing import ClassVar


class MetricsError(Exception):
    """A condition that stops a command and that its user can act on.

    Args:
        what: what happened, in one line.
        why: the cause, as far as it is known; may span several lines.
        hint: what to do about it; may span several lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.what]
        if self.why:
            parts.append("why: " + self.why.replace("\n", "\n     "))
        if self.hint:
            parts.append("hint: " + self.hint.replace("\n", "\n     "))
        return "\n".join(parts)


class SettingsError(MetricsError):
    """Environment variables, arguments or options with values that are not allowed."""

    exit_code = 2


class FileError(MetricsError):
    """A file or folder that is missing, unreadable or unwritable."""

    exit_code = 3


class UnavailableError(MetricsError):
    """A broker, or another system that a job commits to, that is away or refuses; only its kinds are raised."""


class BrokerError(UnavailableError):
    """A broker that cannot be reached, refuses a request, or has failed for longer than the retry budget."""

    exit_code = 4


class RefusedError(BrokerError):
    """A broker that answers, but has refused records."""


class DeniedError(RefusedError):
    """A request the broker will keep denying until permissions or credentials change: retrying is pointless."""


class DatabaseError(UnavailableError):
    """A database that cannot be reached, refuses a statement, or is unsuitable."""

    exit_code = 10


class NoAnswerError(DatabaseError):
    """A database that cannot be reached, or gives no answer."""


class NoDatabaseError(DatabaseError):
    """A database that is yet to be created."""


class UnsuitableError(DatabaseError):
    """A database that answers, but cannot be used as it is: retrying is pointless."""


class TopicError(MetricsError):
    """A topic that is missing, or configured so that records would be lost."""

    exit_code = 5


class LocalServerError(MetricsError):
    """A local broker or database that cannot be downloaded or started, or is already in use."""

    exit_code = 6


class StateError(MetricsError):
    """A saved state that cannot be used: its version is unknown, or input it still needs is gone."""

    exit_code = 7


class FencedError(MetricsError):
    """Another instance does the same work: it is active, or has fenced this one."""

    exit_code = 8


class ReplacedError(FencedError):
    """An instance started with `--take-over` has replaced this one, which must not become its standby either."""


class AlreadyRunningError(FencedError):
    """A process of this machine that does the same work in the same folder."""


class StreamError(MetricsError):
    """Live streams that were away or refused when their run stopped; all that was received is stored."""

    exit_code = 9


class DataRefusedError(MetricsError):
    """Data that can be read, but was refused as a whole: too many wrong records, or too many missing ones."""

    exit_code = 11


class FlinkError(MetricsError):
    """Apache Flink that cannot be reached, refuses a statement, or whose job failed."""

    exit_code = 12


class OutputClosedError(MetricsError):
    """The reader of standard output has gone away, as `head` does. The exit code is that of SIGPIPE."""

    exit_code = 141
