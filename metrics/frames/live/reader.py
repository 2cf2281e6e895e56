"""Keeps a board up to date: by threads that read the topics and ask for the group, for as long as they are let."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread

from confluent_kafka import KafkaException

from metrics.errors import BrokerError, MetricsError
from metrics.frames.live.board import KEEP_REJECTED, Board
from metrics.frames.results import read, rejected
from metrics.frames.settings import Settings
from metrics.frames.status import observe
from metrics.frames.status.facts import describe
from metrics.kafka.deadline import Deadline
from metrics.kafka.errors import text_of

STATUS_EVERY_S = 1.0
RETRY_S = 1.0


class Reader:
    """Reads the committed results, the rejected frames and the group's state, and puts them on a board.

    It joins no group and commits nothing. Whatever goes wrong is on the board, and is tried again until it is stopped.

    Args:
        keep: how many windows of each size are read back at the start, by the size in seconds.
    """

    def __init__(self, settings: Settings, board: Board, keep: Mapping[int, int]) -> None:
        self._settings = settings
        self._board = board
        self._keep = keep
        self._stopping = Event()
        self._threads = [
            Thread(target=self._again_and_again, args=(name, read), name=name, daemon=True)
            for name, read in {
                "results": self._read_results,
                "rejected frames": self._read_rejected,
                "status": self._read_status,
            }.items()
        ]

    def start(self) -> None:
        """Begin to read."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Read no more; the threads end when their clients let them, within a second where the broker answers."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        """Wait until the threads have ended, at most so long."""
        deadline = Deadline(timeout_s)
        for thread in self._threads:
            thread.join(deadline.left_s())

    def _again_and_again(self, name: str, read: Callable[[Callable[[], None]], None]) -> None:
        """Read until it is stopped; trouble ends one try, and is over when the next one has something to tell."""
        while not self._stopping.is_set():
            try:
                read(lambda: self._board.relieve(name))
            except MetricsError as error:
                self._suffer(name, ": ".join(filter(None, (error.what, error.why))))
            except KafkaException as error:
                self._suffer(name, text_of(error))
            except Exception:
                self._suffer(name, f"the {name} are read no more, by an error in the program; start it anew")
                raise
            self._stopping.wait(RETRY_S)

    def _suffer(self, name: str, what: str) -> None:
        if not self._stopping.is_set():
            self._board.suffer(name, " ".join(what.split()))

    def _read_results(self, relieve: Callable[[], None]) -> None:
        lost: list[str] = []
        with read.latest(self._settings, self._keep) as there:
            self._board.begin(list(there.read(_pass_over)))
            relieve()
            for new in there.follow(self._stopping, _pass_over, lost.append):
                if new:
                    self._board.add(new)
                _require_none(lost)

    def _read_rejected(self, relieve: Callable[[], None]) -> None:
        lost: list[str] = []
        coming = rejected.latest(self._settings, KEEP_REJECTED, self._stopping, lost.append)
        self._board.add_rejected(next(coming), anew=True)
        relieve()
        for frames in coming:
            if frames:
                self._board.add_rejected(frames)
            _require_none(lost)

    def _read_status(self, relieve: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            self._board.set_status(describe(observe.look(self._settings)))
            relieve()
            self._stopping.wait(STATUS_EVERY_S)


def _require_none(lost: Sequence[str]) -> None:
    """See that what is followed is still there: what comes meanwhile is found when it is read anew.

    Raises:
        BrokerError: the broker, or a topic, was lost.
    """
    if lost:
        raise BrokerError("still waiting for records", why=lost[0])


def _pass_over(_: str) -> None:
    """Records that are no results are passed over; `verify` names them."""
