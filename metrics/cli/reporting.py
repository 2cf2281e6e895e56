"""The ends of a command: by itself, by an error that its user can fix, by Ctrl-C, SIGTERM or a closed terminal.

A closed terminal sends SIGHUP, and often twice: its shell does, then the system at the end of the shell. So only Ctrl-C
and SIGTERM are impatient when they come again. A signal that is ignored from the start stays ignored: Ctrl-C in the
background of a script, SIGHUP under `nohup`.
"""

import functools
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import NoReturn, ParamSpec

import typer

from metrics.terminal import console
from metrics.wording.errors import MetricsError, OutputClosedError

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
            console.end_echo()
            log.warning("stopped by Ctrl-C")
            raise typer.Exit(128 + signal.SIGINT) from None

    reported.__doc__ = console.as_started(command.__doc__ or "")  # the help
    return reported


@contextmanager
def unwinding_on_signals() -> Iterator[None]:
    """Make a signal unwind the stack while a command runs, so that everything it started is stopped."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _terminate, signal.SIGHUP: _terminate}
    before = {number: signal.getsignal(number) for number in _stop_signals()}
    try:
        for number in before:
            signal.signal(number, handlers[number])
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(number: int, _: object) -> NoReturn:
    if number == signal.SIGHUP:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def _stop_signals() -> set[signal.Signals]:
    """Return the signals that stop a command: those that are not ignored."""
    known = (signal.SIGINT, signal.SIGHUP)
    return {signal.SIGTERM} | {number for number in known if signal.getsignal(number) != signal.SIG_IGN}


class StopEvent(Event):
    """An event that a signal sets.

    Attributes:
        signal: the number of the first signal; None before it.
    """

    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a command that the signal stopped: 129, 130 or 143; 0 without a signal."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stopping_on_signals(what_follows: str = "") -> Iterator[StopEvent]:
    """Yield an event that Ctrl-C, SIGTERM or SIGHUP sets.

    A second Ctrl-C or SIGTERM ends the process at once, whatever it waits for.

    A separate thread takes the signals: handlers in the main thread would run only after the client has stopped
    waiting for an unreachable broker.

    Args:
        what_follows: appended to the message `aborted`.
    """
    stopping, done = StopEvent(), Event()
    signals = _stop_signals()

    def take() -> None:
        number = signal.sigwait(signals)
        if not done.is_set():
            stopping.signal = number
        stopping.set()
        while not done.is_set():
            number = signal.sigwait(signals)
            if not done.is_set() and number != signal.SIGHUP:
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
