"""The two seams of the runner: what a system brings to be run exactly once.

A *processor* restores its state from the last commit, counts batches, and tells outputs and state. A *sink* takes
outputs, offsets and state, all or nothing. The system's own loop joins them: poll, count, commit (of frames:
`metrics/frames/job/loop.py`); what it needs for that is beside this file (`source.py`, `commits.py`,
`input_monitor.py`). The runner calls, and calls again after each lost transaction:

    processor.connect     with new clients: are the topics as they must be?
    processor.open_sink   takes over: an instance that was active is fenced
    processor.restore     what was committed last; it cannot change any more
    processor.run         until it is stopped, with a last commit
    processor.release, sink.close

The law: whatever the batch sizes, wherever it is killed, however often, the outputs are those of one run without a
fault. It holds if a commit fails once another instance has taken over, and `restore` reads what the sink holds.

The other sink that is planned writes rows and offsets in one PostgreSQL transaction (`tests/kafka/job/test_runner.py`
runs the runner with one):

    open_sink   UPDATE consumed SET instance = me … WHERE group = g RETURNING partition, next_offset
    commit      rows; then UPDATE consumed SET next_offset = new … WHERE partition = p AND next_offset = expected AND
                instance = me; no row: roll back, TransactionLostError(is_fenced=True)
    heartbeat   the same UPDATE without rows
    last_instance   SELECT instance FROM consumed; the consumer that it is given is not asked

So the runner assumes none of these: that the group has committed offsets or a transactional id; that the state has
room in the metadata of an offset; that records must be read again to restore it. One thing is still to be made for it:
the retry budget takes a BrokerError alone, so a database that is away is not retried yet.
"""

from typing import NamedTuple, Protocol

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from metrics.errors import BrokerError
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.retry import RetryBudget


class Clients(NamedTuple):
    """What a run, or a try to begin one, asks the broker with."""

    admin: AdminClient
    consumer: Consumer


class Sink(Protocol):
    """Takes outputs, offsets and state, all or nothing; from one take-over to the end of its run."""

    def close(self) -> None:
        """Take back what is not committed."""


class Processor(Protocol):
    """The work of one system on the records of its input."""

    def connect(self, clients: Clients) -> None:
        """Take new clients, and see that the topics are as they must be.

        Raises:
            TopicError: one is not.
            BrokerError: the broker does not answer.
        """

    def last_instance(self, consumer: Consumer) -> Instance | None:
        """Return the instance that committed last, and has perhaps stopped; None before the first commit.

        Args:
            consumer: of the group. By its isolation level, a commit in progress is waited for, or not.
        """

    def open_sink(self, instance: Instance, budget: RetryBudget) -> Sink:
        """Take over the group: from now on nobody but this instance can commit.

        Args:
            budget: of failures; each commit that ends an outage resets it.

        Raises:
            TransactionLostError: the sink does not answer, or refuses.
        """

    def restore(self) -> None:
        """Restore the state of the last commit, and read on from there.

        Raises:
            StateError: the state cannot be used, or something that it needs is gone.
            BrokerError: the broker does not answer.
            TransactionLostError: another instance took over meanwhile.
        """

    def run(self) -> None:
        """Count until it is stopped, or to the end of the input; then commit.

        Raises:
            TransactionLostError, BrokerError: what was not committed must be done again, from the last commit.
        """

    def release(self) -> bool:
        """Use the clients no longer; tell whether the consumer may be closed, or is still asked in another thread."""


class TransactionLostError(Exception):
    """The open transaction will never commit: the job goes back to the last commit, and on from there.

    Attributes:
        cause: the underlying error; raised once the retry budget is spent.
        is_fenced: another instance took over; or the broker gave up on a transaction that was open for too long, which
            looks the same from here.
    """

    def __init__(self, cause: BrokerError, *, is_fenced: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.is_fenced = is_fenced
