"""The live line of commands that run on; that of a terminal is tested with `views` itself."""

import re
from collections import deque
from threading import Event

import pytest

from metrics.views.commands import live_line
from metrics.views.commands.live_line import Figures
from metrics.wording.errors import OutputClosedError

TIMEOUT_S = 20.0


def test_without_a_terminal_a_line_is_printed_only_after_a_number_has_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    #   looks        0  1  2  3 …
    #   counted      0  0  7  7 …
    looks = deque([0, 0])
    seen_last = Event()

    def figures() -> Figures:
        counted = looks.popleft() if looks else 7
        if len(looks) == 0:
            seen_last.set()
        return Figures({"counted": counted, "duplicates": 1_000}, counted)

    with live_line.live_line(figures, Event(), print_s=0):
        assert seen_last.wait(TIMEOUT_S)
        Event().wait(4 * live_line.REFRESH_S)  # further looks find nothing new
    [line] = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"counted 7 · duplicates 1,000 · [0-9,.]+ events/s", line)


def test_a_failed_output_stops_the_command_and_is_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise OutputClosedError("the reader of standard output has gone away")

    monkeypatch.setattr(live_line, "say", fail)
    counted, stopping = iter(range(1_000_000)), Event()
    with (
        pytest.raises(OutputClosedError),
        live_line.live_line(lambda: Figures({"counted": next(counted)}, 0), stopping, print_s=0),
    ):
        assert stopping.wait(TIMEOUT_S)


def test_a_narrow_terminal_shows_whole_figures_only() -> None:
    line = live_line._Line(lambda: Figures({}, 0), live_line.OVER_S)
    figures = Figures({"counted": 10_775, "lag": 12_345}, 0)
    assert line.text(figures, 27) == "counted 10,775 · lag 12,345"
    assert line.text(figures, 26) == line.text(figures, 5) == "counted 10,775"
