"""When the open transaction is committed, and how much it may contain."""

from time import monotonic

from metrics.kafka.job.heartbeat import HEARTBEAT_S
from metrics.kafka.job.source import BATCH_MESSAGES

# Delays of a commit: for results with a quiet and with a busy input, and for a position without results. The last is
# longer than a second, so that no such commit is in progress when live records close the next second.
QUIET_COMMIT_S, BUSY_COMMIT_S, EMPTY_COMMIT_S = 0.02, 0.25, 1.5
BUSY_MESSAGES = 200  # in a batch: 40,000 a second, of which a commit every 20 ms would take a good part
# A transaction must end long before the broker gives up on it.
MAX_RESULTS, MAX_MESSAGES = 20_000, 100_000
# A transaction this small was not lost because of its size.
MIN_MESSAGES = 500
# A longer commit is close to its timeout.
LONG_S = 5.0


class TransactionLimit:
    """Limit of the size of a transaction: halved when one is lost, raised when one commits.

    A broker may write so slowly that a commit of what was read in a moment times out. Without a limit, the same
    messages would be read, sent and lost for ever.

    Args:
        most_messages: the limit while none is lost.

    Attributes:
        most_messages: the limit of input messages in a transaction.
    """

    def __init__(self, most_messages: int = MAX_MESSAGES) -> None:
        self._most_messages = self.most_messages = most_messages

    def record_loss(self, messages: int) -> None:
        """Note that a transaction of `messages` was lost."""
        if messages > MIN_MESSAGES:
            self.most_messages = max(MIN_MESSAGES, min(messages, self.most_messages) // 2)

    def record_commit(self, messages: int, took_s: float) -> None:
        """Note that a transaction of `messages` was committed in `took_s` seconds.

        Only one that was nearly full proves anything.
        """
        if messages >= self.most_messages // 2:
            grown = self.most_messages * 2 if took_s < LONG_S else self.most_messages * 5 // 4
            self.most_messages = min(self._most_messages, grown)


class HeartbeatLimit(TransactionLimit):
    """Limit for a sink without heartbeats while it commits: none may take so long that a standby takes over."""

    def record_commit(self, messages: int, took_s: float) -> None:
        """Note a commit, as `TransactionLimit` does; one longer than the interval of heartbeats halves the limit."""
        if took_s > HEARTBEAT_S:
            self.record_loss(messages)
        elif took_s < HEARTBEAT_S / 2:
            super().record_commit(messages, took_s)


class Commits:
    """Schedule of commits: the size of the open transaction, and when it is due.

    Args:
        without_results_s: the delay of a commit of messages without results.

    Attributes:
        messages: the messages of the input in the open transaction.
        results: the results in it.
    """

    def __init__(self, limit: TransactionLimit, without_results_s: float = EMPTY_COMMIT_S) -> None:
        self._limit = limit
        self._without_results_s = without_results_s
        self.messages = self.results = 0
        self._committed_at_s = self._heartbeat_at_s = monotonic()

    def room(self) -> int:
        """Return the limit of messages for the next batch."""
        return max(1, min(BATCH_MESSAGES, self._limit.most_messages - self.messages))

    def is_full(self) -> bool:
        """Return whether the transaction has the maximum of results."""
        return self.results >= MAX_RESULTS

    def is_due(self, batch: int) -> bool:
        """Return whether a commit is due after a batch of `batch` messages."""
        waited_s = monotonic() - self._committed_at_s
        if self.results:
            due_s = BUSY_COMMIT_S if batch >= BUSY_MESSAGES else QUIET_COMMIT_S
        else:
            due_s = self._without_results_s if self.messages else HEARTBEAT_S
        return waited_s >= due_s or self.messages >= self._limit.most_messages

    def needs_heartbeat(self) -> bool:
        """Return whether there was neither a commit nor a heartbeat for HEARTBEAT_S, since messages wait for longer."""
        return monotonic() - self._heartbeat_at_s >= HEARTBEAT_S

    def sent_heartbeat(self) -> None:
        """Note a heartbeat."""
        self._heartbeat_at_s = monotonic()

    def committed(self, began_s: float) -> float:
        """Note a commit that began at `began_s` and has just ended; returns its duration in seconds."""
        self._committed_at_s = self._heartbeat_at_s = monotonic()
        took_s = self._committed_at_s - began_s
        self._limit.record_commit(self.messages, took_s)
        self.results = self.messages = 0
        return took_s
