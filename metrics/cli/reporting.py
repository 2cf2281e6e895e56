"""The ends of a command: by itself, by an error that its user can fix, by Ctrl-C or SIGTERM."""

import functools
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import NoReturn, ParamSpec

import typer

from metrics.errors import MetricsError, OutputClosedError
from metrics.terminal import console

log = logging.getLogger(__name__)

P = ParamSpec("P")


def reporting(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command end with a message and an exit code on known errors and Ctrl-C."""

    @functools.wraps(command)
    def reported(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with unwinding_on_signals():
                command(*args, **kwargs)
        except MetricsError as error:
            # A reader that has seen enough, such as `head`, needs no message, unless it matters for the counting.
            if error.hint or not isinstance(error, OutputClosedError):
                log.error(error)  # noqa: TRY400  # its user can fix it, so no traceback
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            log.warning("stopped by Ctrl-C")
            raise typer.Exit(128 + signal.SIGINT) from None

    reported.__doc__ = console.as_started(command.__doc__ or "")  # the help
    return reported


@contextmanager
def unwinding_on_signals() -> Iterator[None]:
    """Make Ctrl-C and SIGTERM unwind the stack while a command runs, so that everything it started is stopped."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if before[signal.SIGINT] != signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, _terminate)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


class StopEvent(Event):
    """An event that a signal sets.

    Attributes:
        signal: the number of the first signal; None before it.
    """

    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a command that the signal stopped: 130 or 143; 0 without a signal."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stopping_on_signals(what_follows: str = "") -> Iterator[StopEvent]:
    """Yield an event that Ctrl-C or SIGTERM sets. A second signal ends the process at once, whatever it waits for.

    A separate thread takes the signals: handlers in the main thread would run only after the client has stopped
    waiting for an unreachable broker. A Ctrl-C that is ignored, as in the background of a script, stays ignored.

    Args:
        what_follows: appended to the message `aborted`.
    """
    stopping, done = StopEvent(), Event()
    is_ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    signals = {signal.SIGTERM} if is_ignored else {signal.SIGINT, signal.SIGTERM}

    def take() -> None:
        number = signal.sigwait(signals)
        if not done.is_set():
            stopping.signal = number
        stopping.set()
        while not done.is_set():
            number = signal.sigwait(signals)
            if not done.is_set():
                console.end_at_once(128 + number, lambda: log.warning("aborted%s", what_follows))

    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    taker = Thread(target=take, name="signals", daemon=True)
    taker.start()
    try:
        yield stopping
    finally:
        done.set()
        with suppress(ProcessLookupError):
            signal.pthread_kill(taker.ident or 0, signal.SIGTERM)  # wakes the thread, which waits for one
        taker.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
