"""Every error that a caller may see, as one small tree.

Each error says what happened, why, and what to do now; each class has the exit code that scripts see.
"""

from typing import ClassVar


class MetricsError(Exception):
    """Anything that stops a command and that its user can do something about.

    Args:
        what: what happened, in one line.
        why: the cause as far as it is known; may have several lines.
        now: what to do about it; may have several lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", now: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.now = now

    def __str__(self) -> str:
        parts = [self.what]
        if self.why:
            parts.append("why: " + self.why.replace("\n", "\n     "))
        if self.now:
            parts.append("now: " + self.now.replace("\n", "\n     "))
        return "\n".join(parts)


class SettingsError(MetricsError):
    """One or more environment variables, arguments or options have values that are not allowed."""

    exit_code = 2


class FileError(MetricsError):
    """A file or folder cannot be read or written, or is not there."""

    exit_code = 3


class BrokerError(MetricsError):
    """The broker cannot be reached, refuses us, or failed for longer than we may wait."""

    exit_code = 4


class RefusedError(BrokerError):
    """The broker answers, but did not take records."""


class DeniedError(RefusedError):
    """The broker does not allow what was asked, and will not until somebody changes a right or a password."""


class TopicError(MetricsError):
    """A topic is missing, or is set up in a way that would lose frames or results."""

    exit_code = 5


class LocalBrokerError(MetricsError):
    """The local broker cannot be fetched, started, or is already in use."""

    exit_code = 6


class StateError(MetricsError):
    """The state that the consumer group holds cannot be used: unknown version, or input that it needs is gone."""

    exit_code = 7


class FencedError(MetricsError):
    """Another instance with the same consumer group is active, or has taken over."""

    exit_code = 8


class ReplacedError(FencedError):
    """Another instance was told to take over at once, so this one is no longer wanted, as a standby neither."""


class OutputClosedError(MetricsError):
    """Whoever reads standard output reads no more, as `head` does. The exit code is that of SIGPIPE."""

    exit_code = 141
