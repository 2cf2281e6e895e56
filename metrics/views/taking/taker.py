"""Taking of events that come by requests: many uploads at once, over one outbox, in bounded memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from time import monotonic

from metrics.views.core.event import InvalidEventError, Reason
from metrics.views.settings import ViewsSettings
from metrics.views.taking.figures import TakingFigures, Tally
from metrics.views.taking.lines import BrokenBodyError, LinesOfBody
from metrics.views.taking.outbox import Outbox
from metrics.views.taking.settling import EVENT_S, TICK_S, Settling
from metrics.views.taking.single import SingleEvents
from metrics.views.taking.upload import SAFE, Taken, Upload, record_of
from metrics.wording.errors import BrokerError
from metrics.wording.text import numbered

log = logging.getLogger(__name__)

STALLED_S = 5.0  # without an acknowledgement: single events are refused at once
TURN_S = 1.0  # that an upload waits for room at least before it gives up
IDLE_S = 60.0  # that an upload waits for its client
CLOSE_S = 5.0


class End(Enum):
    """End of an upload."""

    WHOLE = "its body ended"
    BROKEN = "its body is broken"
    IDLE = "its client sent nothing more"
    GONE = "its client has gone"
    UNACKNOWLEDGED = "it failed"
    STOPPED = "it was stopped"


class _EndError(Exception):
    """An early end of an upload.

    Args:
        why: in words for the sender.
    """

    def __init__(self, end: End, why: str) -> None:
        super().__init__(why)
        self.end = end


class Taker:
    """Taking of events in the thread of a server, whose event loop runs all methods but `figures` and `close`.

    All uploads share one outbox. They take turns at handing over some lines, each as soon as there is room; until then
    nothing more is read from their clients.

    The outbox is opened before the first event, and kept to the end. After `stop`, an upload ends as soon as it would
    wait.

    Args:
        require_topics: called in a thread before the first event; while it raises a MetricsError, nothing is taken.
    """

    def __init__(self, settings: ViewsSettings, require_topics: Callable[[], None]) -> None:
        self._settings = settings
        self._require_topics = require_topics
        self._opened: tuple[Outbox, SingleEvents] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._tally, self._settling = Tally(), Settling()
        self._turn = asyncio.Lock()
        self._waits: set[asyncio.Timeout] = set()  # for clients

    @property
    def figures(self) -> TakingFigures:
        """What was taken; may be read in any thread."""
        return self._tally.figures

    def why_not_ready(self) -> str | None:
        """Return why events cannot be taken at present, if that is known."""
        if self._opened is not None:
            outbox, _ = self._opened
            if outbox.is_failing or outbox.unheard_s >= STALLED_S:
                return _away(outbox)
        return None

    async def take_event(self, line: bytes) -> tuple[Reason, ...]:
        """Take one event; return why it was rejected, if it was. Either is acknowledged.

        Raises:
            MetricsError: the topics are unsuitable, or the broker is away; it may get the event later.
        """
        outbox, single = self._opened or await self._open()
        if outbox.unheard_s >= STALLED_S or not outbox.has_room:
            raise BrokerError(_away(outbox), hint=SAFE)
        try:
            answer = single.send(record_of(line, self._settings.views_line_limit))
        except InvalidEventError as error:
            await self._reject(outbox, line, error.reasons)
            return error.reasons
        self._settling.note_sent()
        if failure := await answer:
            raise BrokerError(failure, hint=SAFE)
        return ()

    async def take_body(self, pieces: AsyncIterator[bytes], encoding: str, client: str) -> tuple[End, Taken]:
        """Take the lines of a body; return how it ended, and what became of them.

        Args:
            pieces: of the body; a ConnectionError is the end of the client.
            encoding: of the body, one of ENCODINGS.
            client: its address, for the log.

        Raises:
            MetricsError: the topics are unsuitable, or the broker is away; nothing was read.
        """
        outbox, _ = await self._open()
        upload, body = Upload(outbox, self._settings), LinesOfBody(encoding, self._settings.views_line_limit)
        self._tally.open(upload)
        try:
            end, why = End.WHOLE, ""
            try:
                await self._take_lines(upload, outbox, pieces, body)
            except _EndError as error:
                end, why = error.end, str(error)
            await self._settling.settle(upload)
        finally:
            self._tally.end(upload)
        if upload.failure:
            end, why = End.UNACKNOWLEDGED, f"{upload.failure}; {SAFE}"
        elif not upload.is_settled:
            end, why = End.STOPPED, f"the server is stopping, and Kafka has not acknowledged everything; {SAFE}"
        elif why:
            why += f"; {numbered(upload.lines, 'line')} before that"
        taken = upload.outcome(why)
        level = logging.INFO if end is End.WHOLE else logging.WARNING
        done = f"{taken.accepted:,} accepted, {taken.rejected:,} rejected"
        log.log(level, "upload %s of %s: %s%s", upload.id, client, done, f"; {end.value}: {why}" if why else "")
        return end, taken

    def stop(self) -> None:
        """End all uploads; they answer what was acknowledged."""
        self._settling.stop()
        now_s = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now_s)

    def close(self) -> None:
        """Wait a few seconds for what the broker has not answered; after the event loop has ended."""
        if self._opened is not None:
            outbox, _ = self._opened
            outbox.settle(CLOSE_S)
            self._tally.publish()

    async def _open(self) -> tuple[Outbox, SingleEvents]:
        """Return the outbox, which is opened before the first event; all that wait for it share one attempt."""
        if self._opened is None:
            if self._opening is None or self._opening.done():
                self._opening = asyncio.create_task(asyncio.to_thread(self._require_topics))
            await asyncio.shield(self._opening)
        if self._opened is None:
            outbox = Outbox(self._settings)
            single = SingleEvents(outbox, self._settings.views_topic)
            self._opened = outbox, single
            self._tally.add_single(single.delivery)
            self._pump = asyncio.create_task(self._settling.run(outbox, single, self._tally))
        return self._opened

    async def _reject(self, outbox: Outbox, line: bytes, reasons: tuple[Reason, ...]) -> None:
        """Reject an event, and wait until the dead letter topic has it.

        Raises:
            BrokerError: it may not have it.
        """
        upload = Upload(outbox, self._settings)
        self._tally.add_rejected(upload)
        upload.reject(line, reasons)
        with suppress(TimeoutError):
            async with asyncio.timeout(EVENT_S):
                await self._settling.settle(upload)
        if not upload.is_settled or upload.failure:
            raise BrokerError(upload.failure or self._settling.why_unacknowledged, hint=SAFE)

    async def _take_lines(
        self, upload: Upload, outbox: Outbox, pieces: AsyncIterator[bytes], body: LinesOfBody
    ) -> None:
        """Take the lines of a body to its end.

        Raises:
            _EndError: it ends early.
        """
        try:
            while (piece := await self._next(pieces)) is not None:
                await self._hand_over(upload, outbox, body.feed(piece))
            await self._hand_over(upload, outbox, body.end())
        except BrokenBodyError as error:
            raise _EndError(End.BROKEN, str(error)) from error

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        """Return the next piece of a body; None at its end.

        Raises:
            _EndError: there is none in time, or the client has gone.
        """
        try:
            async with asyncio.timeout(0 if self._settling.is_stopping else IDLE_S) as wait:
                self._waits.add(wait)
                try:
                    return await anext(pieces, None)
                finally:
                    self._waits.remove(wait)
        except TimeoutError:
            if self._settling.is_stopping:
                raise _EndError(End.STOPPED, "the server is stopping") from None
            raise _EndError(End.IDLE, f"nothing came for {IDLE_S:g} s") from None
        except ConnectionError:
            raise _EndError(End.GONE, "the body is incomplete") from None

    async def _hand_over(self, upload: Upload, outbox: Outbox, lines: Iterator[Sequence[bytes]]) -> None:
        """Take batches of lines, each of which is made when there is room for it.

        Raises:
            _EndError: the broker is away, or the server is stopping.
        """
        has_more = True
        while has_more:
            began_s = monotonic()
            async with self._turn:
                self._require_progress(upload, outbox, monotonic() - began_s)
                while not outbox.has_room:
                    await asyncio.sleep(TICK_S)
                    self._require_progress(upload, outbox, monotonic() - began_s)
                batch = next(lines, None)
                if has_more := batch is not None:
                    upload.take(batch)
            self._settling.note_sent()
            await asyncio.sleep(0)  # for other requests

    def _require_progress(self, upload: Upload, outbox: Outbox, waited_s: float) -> None:
        if self._settling.is_stopping:
            raise _EndError(End.STOPPED, "the server is stopping")
        if upload.failure:
            raise _EndError(End.UNACKNOWLEDGED, upload.failure)
        if outbox.is_failing and waited_s >= TURN_S:
            raise _EndError(End.UNACKNOWLEDGED, f"{_away(outbox)}; {SAFE}")


def _away(outbox: Outbox) -> str:
    return f"Kafka acknowledges no events: {outbox.client_error or 'it does not answer'}"
