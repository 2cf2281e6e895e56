"""What frames give to the server."""

import logging

import pytest

from metrics.frames.live.view import LiveView, Outage
from metrics.frames.settings import Settings
from metrics.frames.web import system
from tests.frames.web.serving import KEEP


class EndingOutage(LiveView):
    """A live view whose outage ends in another thread right after it was looked at."""

    asked = 0

    @property
    def outage(self) -> Outage | None:
        """The outage at the first look, then None."""
        self.asked += 1
        return Outage("no broker answers", 0.0) if self.asked == 1 else None


def test_an_outage_that_ends_while_it_is_logged_does_not_end_the_server(caplog: pytest.LogCaptureFixture) -> None:
    frames = system.system(EndingOutage(KEEP), Settings())
    with caplog.at_level(logging.INFO):
        frames.tick()
        frames.tick()
    assert caplog.messages == ["no broker answers", "reconnected: the page is up to date"]
