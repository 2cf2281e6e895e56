"""The exactly-once runner: one process is active, another waits as a standby, a fenced one stops.

It knows no system: two seams (`seams.py`) decide what is counted, and where outputs, offsets and state go. After a lost
transaction, it drops everything uncommitted, opens new clients and resumes from the last commit.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from threading import Event
from time import monotonic
from traceback import clear_frames
from typing import TYPE_CHECKING

from metrics.kafka.clients import open_admin, open_asker, open_consumer
from metrics.kafka.job import standby
from metrics.kafka.job.heartbeat import Instance, fenced_error, require_not_fenced
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.seams import Clients, Processor, Sink, TransactionLostError
from metrics.kafka.settings import KafkaSettings
from metrics.time.deadline import Deadline
from metrics.wording.errors import DeniedError, FencedError, UnavailableError, UnsuitableError

if TYPE_CHECKING:
    from confluent_kafka import Consumer

RequireBroker = Callable[[], None]

RETRY_S = 0.5
# Within this time, an instance that took over has committed, at least a heartbeat.
FENCED_LOOK_S = 5.0


class Runner:
    """Runner of a processor, exactly once, until it is stopped or its input ends.

    Args:
        stopping: set when the user wants to stop.
        require_broker: raises an error if the broker is known to be gone for good, so that nothing is retried.
        also_preferred: properties of the consumer, unless the user has set them.
        is_forced: whether it takes over without waiting for an active instance.
        database_timeout_s: the longest outage of the database of the sink; by default, that of the broker.
    """

    def __init__(
        self,
        processor: Processor,
        settings: KafkaSettings,
        stopping: Event,
        require_broker: RequireBroker = lambda: None,
        also_preferred: Mapping[str, object] | None = None,
        *,
        is_forced: bool = False,
        database_timeout_s: float | None = None,
    ) -> None:
        self._processor = processor
        self._settings = settings
        self._stopping = stopping
        self._require_broker = require_broker
        self._also_preferred = also_preferred
        self._budget = RetryBudget(settings.broker_timeout_s, stopping, database_timeout_s)
        self._is_forced = is_forced
        self._instance: Instance
        self._sink: Sink | None = None
        self._consumer: Consumer | None = None
        self._answered_at_s = monotonic()
        self._resumed_at_s = float("-inf")

    def start(self, report: Callable[[str], None], restore: Callable[[], None], *, waits: bool) -> bool:
        """Take over, and resume from the last commit, unless the user stops it first.

        Outages are retried until the budget is spent.

        Args:
            report: called with a line about each thing that is waited for.
            restore: restores the processor's state, once this instance has taken over.
            waits: whether to wait until no other instance is active; otherwise it takes over at once.

        Returns:
            Whether it took over.

        Raises:
            FencedError: it did not wait, and another instance took over at the same time.
            StateError: the state cannot be used, or data that it needs is gone.
            MetricsError: it cannot begin.
        """
        began_s, self._budget.report = monotonic(), report
        self._instance = Instance.of_this_process(is_forced=self._is_forced and not waits)
        while not self._stopping.is_set():
            self._answered_at_s = monotonic()
            try:
                if self._try_to_start(report, restore, waits=waits):
                    self._budget.report_end(f"started after {monotonic() - began_s:.1f} s")
                    return True
            except (DeniedError, UnsuitableError):
                raise
            except UnavailableError as error:
                if not self._stopping.is_set():
                    self._budget.record_failure(error, self._answered_at_s)
            except FencedError as error:
                if not waits:
                    raise
                report(error.what)  # of two standbys, the other one was faster
            self._budget.pause(RETRY_S)
        return False

    def _try_to_start(self, report: Callable[[str], None], restore: Callable[[], None], *, waits: bool) -> bool:
        self._require_broker()
        self._connect()
        if waits and self._wait_for_others(report):
            self._connect()  # new clients, since the wait may have taken days
        if self._stopping.is_set():
            return False
        try:
            self._take_over(restore)
        except TransactionLostError as lost:
            raise (fenced_error(self._processor.work, lost.cause.why) if lost.is_fenced else lost.cause) from None
        return True

    def _wait_for_others(self, report: Callable[[str], None]) -> bool:
        """Wait until no other instance is active; returns whether one was."""
        settings = self._settings
        with closing(open_asker(settings, settings.consumer_group_id)) as asker:  # waits for no open transaction

            def other() -> Instance | None:
                last = self._processor.last_instance(asker)
                return None if last is None or not last.is_active or last.id == self._instance.id else last

            return standby.wait(other, self._stopping, self._record_answer, report)

    def _record_answer(self) -> None:
        self._answered_at_s = monotonic()
        self._budget.record_answer()

    def _connect(self) -> None:
        """Open new clients, and check the topics.

        After a broker hung, old clients have been observed to wait for it long after it answered again.

        Raises:
            UnavailableError: the remote system does not answer.
            TopicError: a topic is missing, or would lose results.
        """
        self.close()
        self._consumer = open_consumer(self._settings, also_preferred=self._also_preferred)
        self._processor.connect(Clients(open_admin(self._settings), self._consumer))

    def _take_over(self, restore: Callable[[], None]) -> None:
        self._sink = self._processor.open_sink(self._instance, self._budget)
        restore()

    def run(self, report: Callable[[str], None]) -> None:
        """Run the processor until it is stopped; after each lost transaction, resume from the last commit.

        Args:
            report: called with a line when an outage begins, and when it ends.

        Raises:
            UnavailableError: an outage lasted for too long.
            DeniedError: the user may not read the topic, or use the group.
            FencedError: another instance has taken over.
        """
        self._budget.report = report
        while True:
            try:
                self._processor.run()
            except TransactionLostError as lost:
                self._recover(lost)
            except DeniedError:
                raise
            except UnavailableError as error:
                self._recover(TransactionLostError(error, is_fenced=False))
            else:
                return

    def _recover(self, lost: TransactionLostError) -> None:
        """Resume from the last commit with new clients; retry until the budget is spent."""
        began_s, failure = monotonic(), lost.cause
        _let_go(lost)
        if began_s - self._resumed_at_s < RETRY_S:  # the same failure, probably
            self._budget.pause(RETRY_S)
        while True:
            try:
                self._require_broker()
                if lost.is_fenced:
                    self._require_still_active()
                self._budget.record_failure(failure)
                self._connect()
                self._take_over(self._processor.restore)
            except TransactionLostError as next_lost:
                lost, failure = next_lost, next_lost.cause
                _let_go(lost)
                self._budget.pause(RETRY_S)
            except UnavailableError as error:
                if error is not failure:
                    failure = _after(lost.cause, error)
                self._budget.record_failure(failure)
                self._budget.pause(RETRY_S)
            else:
                self._resumed_at_s = monotonic()
                self._budget.report_end(f"resumed from the last commit after {self._resumed_at_s - began_s:.1f} s")
                return

    def _require_still_active(self) -> None:
        """Distinguish another instance that took over from a broker that gave up on our transaction.

        Raises:
            FencedError: another instance is active.
        """
        consumer = open_consumer(self._settings)
        deadline = Deadline(FENCED_LOOK_S)
        try:
            while not deadline.has_passed() and not self._stopping.is_set():
                require_not_fenced(self._processor.last_instance(consumer), self._instance.id, self._processor.work)
                self._budget.pause(RETRY_S)
        finally:
            consumer.close()

    def close(self) -> None:
        """Abort what is not committed, and close the clients."""
        if self._sink is not None:
            self._sink.close()
        if self._consumer is not None and self._processor.release():
            self._consumer.close()
        self._consumer = None


def _let_go(error: BaseException | None) -> None:
    """Clear the stack frames of an error: they keep the clients of the ended run alive, with threads and handles."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _after(first: UnavailableError, error: UnavailableError) -> UnavailableError:
    """Return a new error with the causes of both: once the remote system is unreachable, the later one says little.

    A new one, since a raised error references its stack frames, which keep the clients alive.
    """
    before = "" if error.what == first.what else f"before that, {first.what}: {first.why}"
    return type(error)(error.what, why="\n".join(filter(None, (error.why, before))), hint=error.hint)
