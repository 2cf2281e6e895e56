"""When the open transaction is committed, and how much it may hold until then."""

from time import monotonic

from metrics.kafka.job.heartbeat import HEARTBEAT_S
from metrics.kafka.job.limits import TransactionLimit
from metrics.kafka.job.source import BATCH_RECORDS

# How long results wait for their commit: while the input is quiet, while records pour in; and a position without any.
# That is longer than a second, so that it is not under way when live records close the next one.
QUIET_COMMIT_S, BUSY_COMMIT_S, EMPTY_COMMIT_S = 0.02, 0.25, 1.5
BUSY_RECORDS = 200  # in a batch; that is 40,000 a second, of which a commit each 20 ms would take a good part
# A transaction must end long before the broker gives up on it.
MOST_RESULTS = 20_000


class Commits:
    """What the open transaction holds, and when it is due.

    Attributes:
        records: how many records of the input it holds.
        results: how many results.
    """

    def __init__(self, limit: TransactionLimit) -> None:
        self._limit = limit
        self.records = self.results = 0
        self._committed_at_s = monotonic()

    def room(self) -> int:
        """Return how many records the next batch may have."""
        return max(1, min(BATCH_RECORDS, self._limit.most_records - self.records))

    def is_full(self) -> bool:
        """Tell whether it holds the most results that one transaction may."""
        return self.results >= MOST_RESULTS

    def is_due(self, batch: int) -> bool:
        """Tell whether it should be committed now, after a batch of `batch` records."""
        waited_s = monotonic() - self._committed_at_s
        if self.results:
            due_s = BUSY_COMMIT_S if batch >= BUSY_RECORDS else QUIET_COMMIT_S
        else:
            due_s = EMPTY_COMMIT_S if self.records else HEARTBEAT_S
        return waited_s >= due_s or self.records >= self._limit.most_records

    def committed(self, began_s: float) -> float:
        """Note that it was just committed, and when that began; returns how many seconds it took."""
        self._committed_at_s = monotonic()
        took_s = self._committed_at_s - began_s
        self._limit.record_commit(self.records, took_s)
        self.results = self.records = 0
        return took_s
