"""The log of one simulated stream, shared by all of its clients."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from metrics.harvest.simulator.faults import Faults
from metrics.harvest.simulator.series import Series
from metrics.harvest.simulator.spoiling import Drawn
from metrics.harvest.simulator.wire import Wire

KEPT = 8_192  # frames, for clients that resume
_AT_ONCE, _AHEAD = 128, 512
_TURN_S = 0.001  # at high rates, frames are made and sent in groups


class BehindError(Exception):
    """A client that needs a frame that is no longer kept."""


class Reader:
    """A client's position in a log: the number of its next frame."""

    def __init__(self, place: int) -> None:
        self.place = place


class Channel:
    """The messages of a stream since its first client connected; the last KEPT are kept as frames.

    With a gap of 0, more messages are made once the slowest client has taken most of the earlier ones.

    Args:
        gap_s: shortest and longest seconds between messages.
    """

    def __init__(self, stream: str, seed: int, malformed: float, gap_s: tuple[float, float], faults: Faults) -> None:
        self.faults = faults
        self.script = iter(faults.script)
        self.wire = Wire(faults, Random(f"{seed} {stream} wire"))
        self._series = Series(stream, seed, malformed)
        self._gap_s = faults.gap_s or gap_s
        self._gaps = Random(f"{seed} {stream} gaps")
        self._kept: list[tuple[bytes, bytes]] = []  # ids and frames; frame n is at n % KEPT
        self._end = 0  # the number of frames so far
        self._messages = 0
        self._readers: set[Reader] = set()
        self._changed = asyncio.Event()
        self._making: asyncio.Task[None] | None = None

    @contextmanager
    def reader(self, last_id: bytes | None) -> Iterator[Reader]:
        """Admit a client, which gets the messages from now on, or those after an id.

        Args:
            last_id: None without one; an unknown id gets everything that is kept.
        """
        reader = Reader(self._end if last_id is None or not self.faults.resumes else self._after(last_id))
        self._readers.add(reader)
        if self._making is None:
            self._making = asyncio.create_task(self._make())
        self._wake()
        try:
            yield reader
        finally:
            self._readers.remove(reader)
            self._wake()

    async def frames(self, reader: Reader, most: int) -> list[bytes]:
        """Wait for frames, and return up to `most` of them.

        Raises:
            BehindError: the client was too slow.
        """
        while reader.place == self._end:
            await self._changed.wait()
        if reader.place < self._end - KEPT:
            raise BehindError
        places = range(reader.place, min(reader.place + min(most, _AT_ONCE), self._end))
        reader.place = places.stop
        if self._is_flood():
            self._wake()
        return [self._kept[place % KEPT][1] for place in places]

    def _after(self, last_id: bytes) -> int:
        first = max(0, self._end - KEPT)
        known = (place for place in reversed(range(first, self._end)) if self._kept[place % KEPT][0] == last_id)
        return next(known, first - 1) + 1

    async def _make(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + self._gaps.uniform(*self._gap_s)
        while True:
            while self._is_flood() and not self._has_room():
                await self._changed.wait()
            now_s, made = loop.time(), 0
            while due_s <= now_s and made < _AT_ONCE:
                self._append(self._series.next(time.time()))
                due_s += self._gaps.uniform(*self._gap_s)
                made += 1
            if made:
                self._wake()
            await asyncio.sleep(0 if made == _AT_ONCE else max(due_s - loop.time(), _TURN_S))

    def _append(self, message: Drawn) -> None:
        frame = self.wire.id(message), self.wire.frame(message)
        self._messages += 1
        every = self.faults.repeat_every
        for _ in range(2 if every and self._messages % every == 0 else 1):
            if self._end < KEPT:
                self._kept.append(frame)
            else:
                self._kept[self._end % KEPT] = frame
            self._end += 1

    def _is_flood(self) -> bool:
        return self._gap_s == (0, 0)

    def _has_room(self) -> bool:
        return bool(self._readers) and min(reader.place for reader in self._readers) > self._end - _AHEAD

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
