"""How long the broker is retried."""

from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from metrics.errors import BrokerError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

CALM_S = 30.0


class Patience:
    """Bears trouble with the broker for some time, and tells when it begins.

    Trouble is over when the broker takes a commit, or answers one who stands by. Where it has refused records, it is
    over when records were committed, or when no trouble came for CALM_S, or limit_s if that is longer: to reach the
    broker again is not enough then.

    Args:
        limit_s: seconds of trouble after which it is given up.
        stopping: set when the user wants to stop, so that trouble need not be borne any longer.

    Attributes:
        tell: told of trouble; may be set later.
    """

    def __init__(self, limit_s: float, stopping: Event) -> None:
        self.tell: Callable[[str], None] = lambda _: None
        self._limit_s = limit_s
        self._stopping = stopping
        self._since_s: float | None = None
        self._last_s: float | None = None
        self._is_refused = False
        self._told: set[str] = set()

    def tell_once(self, about: str, what: str) -> None:
        """Tell something that no trouble comes of, unless it was told before."""
        if about not in self._told:
            self._told.add(about)
            self.tell(what)

    def suffer(self, error: BrokerError, began_s: float | None = None) -> None:
        """Bear an error of the broker, unless that has lasted for too long, or the user wants to stop.

        Args:
            began_s: when the first try began, if that is part of the time; else the time begins with the first error.

        Raises:
            BrokerError: the error.
        """
        now_s = monotonic()
        is_told = True
        if self._since_s is None or self._last_s is None or now_s - self._last_s > max(CALM_S, self._limit_s):
            self._since_s = now_s if began_s is None else began_s
            self._is_refused = False
            is_told = self._last_s is not None and now_s - self._last_s <= CALM_S
        self._last_s = now_s
        self._is_refused |= isinstance(error, RefusedError)
        if now_s - self._since_s >= self._limit_s or self._stopping.is_set():
            raise error
        if not is_told:
            self.tell(f"{error.what}; retrying for up to {self._limit_s:.0f} s\nwhy: {error.why}")

    def pause(self, seconds: float) -> None:
        """Wait before the next try."""
        self._stopping.wait(seconds)

    def relieve(self) -> None:
        """Note that the broker answers, or takes a commit without records."""
        if not self._is_refused:
            self._since_s = None

    def relieve_of_all(self) -> None:
        """Note that records were committed."""
        self._since_s = None
