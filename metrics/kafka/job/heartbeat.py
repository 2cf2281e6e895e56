"""The instance that commits, and its heartbeat: each commit shows that it is alive."""

import secrets

import msgspec

from metrics.kafka.job.process import Process, this_process
from metrics.wording.errors import FencedError, ReplacedError

# With nothing else to commit, the state is committed this often: it shows a standby that the active instance is alive,
# and keeps the offsets, which may contain the state, from expiring.
HEARTBEAT_S = 2.0


class Instance(msgspec.Struct, array_like=True, frozen=True):
    """One process that commits.

    Attributes:
        id: random, drawn when it took over.
        heartbeats: the number of its commits; an active process keeps committing, whatever its input does.
        is_active: false in the last commit of a process that was stopped.
        process: the process itself; None in the state of an earlier version.
        is_forced: it took over without waiting; the instance that it fences ends.
    """

    id: str
    heartbeats: int = 0
    is_active: bool = True
    process: Process | None = None
    is_forced: bool = False

    @classmethod
    def of_this_process(cls, *, is_forced: bool) -> "Instance":
        """Return a new instance without commits."""
        return cls(secrets.token_hex(4), process=this_process(), is_forced=is_forced)

    def with_heartbeat(self) -> "Instance":
        """Return the instance with one more heartbeat."""
        return msgspec.structs.replace(self, heartbeats=self.heartbeats + 1)

    def stopped(self) -> "Instance":
        """Return the instance for its last commit."""
        return msgspec.structs.replace(self, is_active=False)

    def is_gone(self) -> bool:
        """Return whether its process has certainly ended without a last commit."""
        return self.process is not None and self.process.is_gone()

    def __str__(self) -> str:
        return f"instance {self.id}" + (f" ({self.process})" if self.process is not None else "")


def require_not_fenced(last: Instance | None, own_id: str, work: str) -> None:
    """Check that no other instance has committed since this one took over.

    Args:
        last: the instance that committed last; None if unknown.
        work: the name of what they commit for, as in `Processor.work`.

    Raises:
        FencedError: another instance has.
    """
    if last is not None and last.id != own_id:
        kind = ReplacedError if last.is_forced else FencedError
        raise fenced_error(work, f"{last} has committed since", kind)


def fenced_error(work: str, why: str, kind: type[FencedError] = FencedError) -> FencedError:
    """Return the error of an instance that another one has fenced."""
    return kind(
        f"another instance took over {work}",
        why=why,
        hint="nothing is lost: it resumes from the last commit; to run as its standby, start without --take-over",
    )
