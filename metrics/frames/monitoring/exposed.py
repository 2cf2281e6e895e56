"""Metrics and health of the main job: written by the loop's thread a few times a second, read by the server's.

The hot path is not touched: counters are those of the committed state, which the loop builds for the commit anyway.
"""

from collections.abc import Mapping
from time import monotonic, time
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from metrics.frames.core.state import State
from metrics.frames.job.listener import Listener
from metrics.frames.job.processor import FrameProcessor
from metrics.frames.records import Record
from metrics.kafka.job.standby import why_not_active
from metrics.kafka.job.transaction import call_s

# A batch is what arrives in 5 ms, at most a thousand frames; a commit takes a few milliseconds, on a bad day 20 s.
BATCH_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
COMMIT_BUCKETS_S = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
STEPS = 3
STARTING = "starting: has not taken over the group yet"


class Committed(NamedTuple):
    """The job as of a commit.

    Attributes:
        windows: the window of each size that was published last, by the size in seconds, if it was closed since the
            job took over.
        lags: unread records by partition, as far as ends are known.
        at_s: wall time of the commit, in seconds since the epoch.
        seen_at_s: the same moment by time.monotonic.
    """

    state: State
    instance_id: str
    windows: Mapping[int, Record]
    lags: Mapping[int, int]
    at_s: float
    seen_at_s: float


class Exposed(Listener):
    """Listener that keeps the last commit, the durations of batches and commits, and why the job is not ready.

    Everything may be read from any thread.

    Args:
        broker_timeout_s: how long the job retries an unreachable broker; the loop does not turn meanwhile.

    Attributes:
        registry: the histograms and counters of this process; the server adds to it.
        committed_last: the last commit; None before the job has taken over.
    """

    def __init__(self, broker_timeout_s: int) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library declares no type for it
        self.registry = CollectorRegistry()
        self.committed_last: Committed | None = None
        self._why_not_ready = STARTING
        self._outage = ""
        self._closed: dict[int, Record] = {}  # the last window of each size, committed or not
        self._job: FrameProcessor | None = None
        self._broker_timeout_s = broker_timeout_s
        self._turned_at_s: float | None = None
        self._batch_s = Histogram(
            "frames_batch_duration_seconds",
            "Time to decode and log a batch of frames, excluding the wait for it.",
            registry=self.registry,
            buckets=BATCH_BUCKETS_S,
        )
        self._commit_s = Histogram(
            "frames_commit_duration_seconds",
            "Time to commit a transaction of results, rejected frames, offsets and state.",
            registry=self.registry,
            buckets=COMMIT_BUCKETS_S,
        )
        self._aborted = Counter(
            "frames_transactions_aborted",
            "Transactions that were aborted: nothing in them is visible, and their frames were counted again.",
            registry=self.registry,
        )

    def why_not_ready(self) -> str | None:
        """Return why the job is not working, in words; None if it is.

        A working job commits at least every two seconds, which proves that the broker answers.
        """
        last = self.committed_last
        return self._why_not_ready if last is None else why_not_active(last.seen_at_s, self._outage)

    def why_not_alive(self) -> str | None:
        """Return that the loop has not turned for longer than a broker can block it, in words; None if it has turned.

        A commit has two steps, followed by an abort if they fail; each returns or is given up within call_s. Then the
        broker is known to be unreachable, and is retried for broker_timeout_s.
        """
        turned_at_s = self._turned_at_s
        if turned_at_s is None:
            return None
        still_s = monotonic() - turned_at_s
        limit_s = STEPS * call_s(self._broker_timeout_s) + (self._broker_timeout_s if self._outage else 0)
        return f"the loop is stuck: it has not turned for {still_s:.0f} s" if still_s > limit_s else None

    def set_not_ready(self, why: str) -> None:
        """Drop the last commit, and keep why the job waits: another instance may be active and expose its own."""
        self.committed_last = None
        self._turned_at_s = None
        self._why_not_ready = why

    def begin(self, job: FrameProcessor) -> None:
        """Expose a job that has taken over, and thereby committed its state."""
        self._job = job
        self._closed = {}  # another instance may have published later windows
        self._turned_at_s = monotonic()
        self._take(job.counter.state())

    def closed(self, record: Record) -> None:
        """Keep the window, to be exposed once it is committed."""
        self._closed[record.size.size_s] = record

    def committed(self, state: State, took_s: float) -> None:
        """Expose a commit."""
        self._turned_at_s = monotonic()
        self._commit_s.observe(took_s)
        self._outage = ""
        self._take(state)

    def rewound(self) -> None:
        """Count an aborted transaction, and forget the windows in it."""
        self._turned_at_s = monotonic()
        self._closed = {} if self.committed_last is None else {**self.committed_last.windows}
        self._aborted.inc()

    def read(self, frames: int, took_s: float) -> None:
        """Observe the duration of a batch; an empty one only shows that the loop turns."""
        self._turned_at_s = monotonic()
        if frames:
            self._batch_s.observe(took_s)

    def warned(self, line: str) -> None:
        """Keep the warning until the next commit."""
        self._turned_at_s = monotonic()
        self._outage = line

    def _take(self, state: State) -> None:
        assert self._job is not None
        # A transaction that seemed lost may have been committed; of its windows, the state has no numbers.
        last = state.series
        windows = {size_s: window for size_s, window in self._closed.items() if window.start == last[size_s].last}
        lags = self._job.source.lags()
        self.committed_last = Committed(state, self._job.instance_id, windows, lags, time(), monotonic())
