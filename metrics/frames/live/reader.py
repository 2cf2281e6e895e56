"""A reader that keeps the live view up to date, with threads that read the topics and the group's status."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread

from metrics.frames.live.view import KEEP_REJECTED, LiveView
from metrics.frames.results import read, rejected
from metrics.frames.settings import Settings
from metrics.frames.sizes import Size
from metrics.frames.status import observe
from metrics.frames.status.describe import describe
from metrics.kafka.errors import client_errors
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError, MetricsError

STATUS_EVERY_S = 1.0
RETRY_S = 1.0


class Reader:
    """Threads that read the committed results, the rejected frames and the group's status into a live view.

    They join no group and commit nothing. Errors are reported to the view, and retried until the reader is stopped.

    Args:
        keep: how many windows of each size to read at the start.
    """

    def __init__(self, settings: Settings, live: LiveView, keep: Mapping[Size, int]) -> None:
        self._settings = settings
        self._live = live
        self._keep = keep
        self._stopping = Event()
        self._threads = [
            Thread(target=self._retry, args=(name, read), name=name, daemon=True)
            for name, read in {
                "results": self._read_results,
                "rejected frames": self._read_rejected,
                "status": self._read_status,
            }.items()
        ]

    def start(self) -> None:
        """Start reading."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop reading. The threads end within a second if the broker answers."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` seconds until the threads have ended."""
        deadline = Deadline(timeout_s)
        for thread in self._threads:
            thread.join(deadline.left_s())

    def _retry(self, name: str, read: Callable[[Callable[[], None]], None]) -> None:
        """Read until stopped. An error begins an outage, which ends once a retry has read something."""
        while not self._stopping.is_set():
            try:
                with client_errors(f"the {name} cannot be read"):
                    read(lambda: self._live.end_outage(name))
            except MetricsError as error:
                self._report(name, ": ".join(filter(None, (error.what, error.why))))
            except Exception:
                self._report(name, f"the {name} are no longer read, because of an error in the program; restart it")
                raise
            self._stopping.wait(RETRY_S)

    def _report(self, name: str, what: str) -> None:
        if not self._stopping.is_set():
            self._live.report_outage(name, " ".join(what.split()))

    def _read_results(self, end_outage: Callable[[], None]) -> None:
        lost: list[str] = []
        results = read.latest(self._settings, self._keep)
        self._live.begin(list(results.read(_ignore)))
        end_outage()
        for new in results.follow(self._stopping, _ignore, lost.append):
            if new:
                self._live.add(new)
            _require_none(lost)

    def _read_rejected(self, end_outage: Callable[[], None]) -> None:
        lost: list[str] = []
        coming = rejected.latest(self._settings, KEEP_REJECTED, self._stopping, lost.append)
        self._live.add_rejected(next(coming), replace=True)
        end_outage()
        for frames in coming:
            if frames:
                self._live.add_rejected(frames)
            _require_none(lost)

    def _read_status(self, end_outage: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            self._live.set_status(describe(observe.look(self._settings)))
            end_outage()
            self._stopping.wait(STATUS_EVERY_S)


def _require_none(lost: Sequence[str]) -> None:
    """Check that the broker and its topics are still there; a retry reads again what came meanwhile.

    Raises:
        BrokerError: the broker, or a topic, was lost.
    """
    if lost:
        raise BrokerError("still waiting for records", why=lost[0])


def _ignore(_: str) -> None:
    """Ignore a record that is not a result; `verify` reports it."""
