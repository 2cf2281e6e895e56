"""Settling: the broker's answers are taken as long as some are missing, and those that wait for them go on."""

import asyncio

from metrics.views.taking.figures import Tally
from metrics.views.taking.outbox import Outbox
from metrics.views.taking.single import SingleEvents
from metrics.views.taking.upload import Upload

TICK_S = 0.005
EVENT_S = 10.0  # that a single event waits for its acknowledgement
STOP_S = 0.3  # for the last answers of the broker; soon after, connections are cut


class Settling:
    """Settling of uploads and single events, in the event loop of a server.

    Attributes:
        is_stopping: whether the server is stopping; from then on, answers are waited for only for a moment.
    """

    def __init__(self) -> None:
        self.is_stopping = False
        self._has_unanswered = asyncio.Event()
        self._unsettled: dict[Upload, asyncio.Future[None]] = {}

    @property
    def why_unacknowledged(self) -> str:
        """Why a single event is answered without its acknowledgement."""
        if self.is_stopping:
            return "the server is stopping, and Kafka has not acknowledged the event"
        return f"Kafka has not acknowledged the event for {EVENT_S:g} s"

    def note_sent(self) -> None:
        """Note that records may have been handed over, so that their answers are taken."""
        self._has_unanswered.set()

    async def settle(self, upload: Upload) -> None:
        """Wait until the broker has answered everything of an upload; records expire after BROKER_TIMEOUT_S.

        If the server is stopping, this waits for a moment only.
        """
        self.note_sent()
        if upload.is_settled:
            return
        waiter = self._unsettled[upload] = asyncio.get_running_loop().create_future()
        if self.is_stopping:
            _let_go_soon(waiter)
        try:
            await waiter
        finally:
            self._unsettled.pop(upload, None)

    async def run(self, outbox: Outbox, single: SingleEvents, tally: Tally) -> None:
        """Take the broker's answers as long as some are missing."""
        while True:
            await self._has_unanswered.wait()
            outbox.poll(0)
            single.give_up(STOP_S if self.is_stopping else EVENT_S, self.why_unacknowledged)
            for upload in [upload for upload in self._unsettled if upload.is_settled]:
                _let_go(self._unsettled.pop(upload))
            tally.settle()
            if not outbox.bytes and not single.are_waiting:
                self._has_unanswered.clear()
            await asyncio.sleep(TICK_S)

    def stop(self) -> None:
        """Let all that wait go on after a moment."""
        self.is_stopping = True
        for waiter in self._unsettled.values():
            _let_go_soon(waiter)


def _let_go(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _let_go_soon(waiter: asyncio.Future[None]) -> None:
    asyncio.get_running_loop().call_later(STOP_S, _let_go, waiter)
