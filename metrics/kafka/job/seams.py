"""The two seams of the runner: what a system provides to be run exactly once.

A *processor* restores the state of the last commit and runs the system's own loop: poll, count, commit (for frames:
`metrics/frames/job/loop.py`), with `source.py`, `commits.py` and `input_monitor.py` of this package. That loop commits
into the system's *sink*: outputs, offsets and state, all or nothing. The runner calls only these, at the start and
after each lost transaction:

    sink.close, processor.release   end the previous run, if there was one
    processor.connect         with new clients: checks the topics; once more after a wait as a standby
    processor.last_instance   only as a standby, and to find out whether another instance took over
    processor.open_sink       takes over: the previous instance is fenced
    processor.restore         the state of the last commit, which cannot change any more; at the start, the callable
                              passed to `Runner.start` instead
    processor.run             until it is stopped, with a last commit

Invariant: whatever the batch sizes, wherever it is killed, however often, the outputs are those of one run without a
fault. It depends on two things: an instance that another took over from can no longer commit, and `restore` reads
what the sink has committed.

There are two sinks to build on: the Kafka transaction (`transaction.py`), and rows and offsets in one transaction of a
database (`sql_sink.py`). In a database, taking over writes the instance next to the offsets; a commit that finds
another instance or offset there raises TransactionLostError(is_fenced=True). So the runner does not assume that the
group has committed offsets or a transactional id, that the state fits into the metadata of an offset, or that restoring
the state reads records again. Every kind of UnavailableError is retried: an unreachable database as well as a broker.
"""

from typing import NamedTuple, Protocol

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.retry import RetryBudget
from metrics.wording.errors import UnavailableError


class Clients(NamedTuple):
    """Clients of one run, or of one attempt to start it."""

    admin: AdminClient
    consumer: Consumer


class Sink(Protocol):
    """Sink of outputs, offsets and state, all or nothing, from one take-over to the end of the run.

    `commit` and `heartbeat` are the system's own: its loop calls them, with what it has to commit.
    """

    def close(self) -> None:
        """Abort what is not committed."""


class Processor(Protocol):
    """Processor of the input records of one system."""

    @property
    def work(self) -> str:
        """What one instance at a time does, such as `the group metrics`; messages about a take-over name it."""

    def connect(self, clients: Clients) -> None:
        """Use new clients, and check the topics.

        Raises:
            TopicError: a topic is missing or unsuitable.
            UnavailableError: the remote system does not answer.
        """

    def last_instance(self, consumer: Consumer) -> Instance | None:
        """Return the instance that committed last, which may have stopped; None before the first commit.

        Args:
            consumer: of the group; its isolation level decides whether this waits for a commit in progress.
        """

    def open_sink(self, instance: Instance, budget: RetryBudget) -> Sink:
        """Take over: from now on only this instance can commit.

        Args:
            budget: the retry budget; each commit that ends an outage resets it.

        Raises:
            TransactionLostError: the sink does not answer, or refuses.
            FencedError: another instance took over since this one first did, if the sink knows it.
        """

    def restore(self) -> None:
        """Restore the state of the last commit, and continue from there.

        Raises:
            StateError: the state cannot be used, or data that it needs is gone.
            UnavailableError: the remote system does not answer.
            TransactionLostError: another instance took over meanwhile.
        """

    def run(self) -> None:
        """Count until stopped, or to the end of the input; then commit.

        Raises:
            TransactionLostError, UnavailableError: what was not committed must be repeated from the last commit.
        """

    def release(self) -> bool:
        """Stop using the clients; return whether the consumer may be closed: no other thread still uses it."""


class TransactionLostError(Exception):
    """Loss of the open transaction, which will never commit: the run resumes from the last commit.

    Attributes:
        cause: the underlying error; raised once the retry budget is spent.
        is_fenced: another instance took over, or the broker aborted a transaction that was open for too long, which
            cannot be distinguished.
    """

    def __init__(self, cause: UnavailableError, *, is_fenced: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.is_fenced = is_fenced
