"""The response to one client of a simulated stream, from its headers to its end."""

import asyncio
import socket
import struct
import zlib
from typing import Never

from starlette.types import Send

from metrics.harvest.simulator.channel import BehindError, Channel, Reader
from metrics.harvest.simulator.faults import Connected, Cut, End, Oversize, Quiet, Whole
from metrics.harvest.simulator.wire import middle_of_character

TRANSPORT = "harvest.transport"  # of the connection, in the extensions of a request
_PIECE_BYTES = 1 << 16
_AT_ONCE = 128
_GZIP = 16 + zlib.MAX_WBITS
_RESET = struct.pack("ii", 1, 0)  # linger for 0 s: unsent bytes are dropped


async def forever() -> Never:
    """Wait until cancelled."""
    await asyncio.Event().wait()
    raise AssertionError


class Connection:
    """The response to one client."""

    def __init__(self, channel: Channel, send: Send, transport: asyncio.Transport) -> None:
        self._channel = channel
        self._send = send
        self._transport = transport
        self._compressor = zlib.compressobj(wbits=_GZIP) if channel.faults.gzip else None

    async def run(self, step: Connected, last_id: bytes | None) -> None:
        """Send the stream with the faults of a step, until the step ends it or it is cancelled."""
        headers = [(b"content-type", b"text/event-stream;charset=UTF-8"), (b"cache-control", b"no-store")]
        if self._compressor is not None:
            headers.append((b"content-encoding", b"gzip"))
        with self._channel.reader(last_id) as reader:
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._write(self._channel.wire.opening())
            try:
                await self._serve(reader, step)
            except BehindError:
                await self._abort()

    async def _serve(self, reader: Reader, step: Connected) -> None:
        if not isinstance(step, Whole):
            await self._write_frames(reader, step.after)
        if isinstance(step, Cut):
            (frame,) = await self._channel.frames(reader, 1)
            await self._write(frame[: middle_of_character(frame)])
            await self._abort(resets=step.resets)
        elif isinstance(step, End):
            await self._send({"type": "http.response.body", "more_body": False})
        elif isinstance(step, Quiet):
            await self._beat()
        else:
            if isinstance(step, Oversize):
                await self._write_oversize(step.size_bytes)
            while True:
                await self._write_frames(reader, _AT_ONCE)

    async def _write_frames(self, reader: Reader, count: int) -> None:
        while count:
            frames = await self._channel.frames(reader, count)
            count -= len(frames)
            await self._write(b"".join(frames))

    async def _write_oversize(self, size_bytes: int) -> None:
        opening, end = self._channel.wire.oversize()
        await self._write(opening)
        for written in range(0, size_bytes, _PIECE_BYTES):
            await self._write(b"x" * min(_PIECE_BYTES, size_bytes - written))
        await self._write(end)

    async def _beat(self) -> None:
        heartbeat_s = self._channel.faults.heartbeat_s
        while heartbeat_s is not None:
            await asyncio.sleep(heartbeat_s)
            await self._write(self._channel.wire.heartbeat())
        await forever()

    async def _write(self, part: bytes) -> None:
        if self._compressor is not None:
            part = self._compressor.compress(part) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        byte_s = self._channel.faults.byte_s
        if byte_s is None:
            await self._send_part(part)
            return
        for byte in part:
            await self._send_part(bytes((byte,)))
            await asyncio.sleep(byte_s)

    async def _send_part(self, part: bytes) -> None:
        if part:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def _abort(self, *, resets: bool = False) -> None:
        """Abort the connection once all written bytes are sent, and wait to be cancelled."""
        while self._transport.get_write_buffer_size():
            await asyncio.sleep(0.001)
        if resets:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
        await forever()
