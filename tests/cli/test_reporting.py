"""How a command learns of the signal that stops it."""

import os
import signal

import pytest

from metrics.cli.reporting import stopping_on_signals


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_event_knows_the_signal_that_set_it(number: signal.Signals, exit_code: int) -> None:
    with stopping_on_signals() as stopping:
        assert (stopping.signal, stopping.exit_code) == (None, 0)
        os.kill(os.getpid(), number)
        assert stopping.wait(10)
        assert (stopping.signal, stopping.exit_code) == (number, exit_code)


def test_without_a_signal_the_event_knows_none_even_at_its_end() -> None:
    with stopping_on_signals() as stopping:
        pass
    assert (stopping.signal, stopping.exit_code) == (None, 0)
