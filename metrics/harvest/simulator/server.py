"""The server of local streams: real HTTP on loopback, in a thread."""

import secrets
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import NamedTuple

from metrics.harvest.core.event import STREAMS
from metrics.harvest.simulator.application import Asked, StreamsApp
from metrics.harvest.simulator.channel import Channel
from metrics.harvest.simulator.connection import TRANSPORT
from metrics.harvest.simulator.faults import Faults
from metrics.web.connections import BoundedProtocol
from metrics.web.server import Server, listen
from metrics.wording.errors import LocalServerError

HOST = "127.0.0.1"
USER = PASSWORD = "sytac"  # noqa: S105  # only this machine can reach the streams, and their data are invented
GAP_S = (0.1, 1.9)
MALFORMED = 0.02
_START_S = 30


class Endpoint(NamedTuple):
    """The address of running local streams.

    Attributes:
        url: followed by the name of a stream.
        seed: of the messages.
        asked: the latest requests, oldest first.
    """

    url: str
    user: str
    password: str
    seed: int
    asked: Sequence[Asked]

    def asked_for(self, stream: str) -> list[Asked]:
        """Return the requests for one stream."""
        return [asked for asked in self.asked if asked.path == f"/{stream}"]


class AbortableProtocol(BoundedProtocol):
    """A connection that the application can abort."""

    def on_message_begin(self) -> None:
        """Give the transport to the application."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]  # no extension of ASGI


@contextmanager
def local_streams(
    *,
    seed: int | None = None,
    malformed: float = MALFORMED,
    gap_s: tuple[float, float] = GAP_S,
    port: int = 0,
    user: str = USER,
    password: str = PASSWORD,
    faults: Mapping[str, Faults] | None = None,
) -> Iterator[Endpoint]:
    """Serve the three streams on loopback, and yield their address once they answer.

    Each stream begins with its first client, which gets all messages. A later client gets those from then on; with
    `Last-Event-ID`, those after that id, as far as they are kept.

    Args:
        seed: the same one gives the same messages, apart from their times; None draws one.
        malformed: share of malformed messages.
        gap_s: shortest and longest seconds between messages of a stream; 0 and 0 send as fast as clients take them.
        port: 0 picks a free one.
        faults: by stream; for tests.

    Raises:
        SettingsError: the port is in use.
        LocalServerError: the server did not start.
    """
    seed = secrets.randbits(32) if seed is None else seed
    hint = "choose another port: python app.py harvest streams --port 0 picks a free one"
    listening = listen(HOST, port, what=f"cannot bind to {HOST}:{port}", port_hint=hint, host_hint="")
    channels = {name: Channel(name, seed, malformed, gap_s, (faults or {}).get(name, Faults())) for name in STREAMS}
    app = StreamsApp(channels, user, password)
    with _serving(app, listening):
        yield Endpoint(f"http://{HOST}:{listening.getsockname()[1]}/", user, password, seed, app.asked)


@contextmanager
def _serving(app: StreamsApp, listening: socket.socket) -> Iterator[None]:
    started, stopping = Event(), Event()

    def close_all() -> None:
        for connection in [*server.server_state.connections]:
            connection.transport.abort()

    server = Server(
        app, stopping, on_start=started.set, on_stop=close_all, http=AbortableProtocol, lifespan="off", ws="none"
    )

    def run() -> None:
        signal.pthread_sigmask(
            signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        )  # other threads take them
        server.run([listening])

    thread = Thread(target=run, name="local streams", daemon=True)
    thread.start()
    try:
        if not started.wait(_START_S):
            raise LocalServerError("the local streams do not start", why=f"no answer within {_START_S} s")
        yield
    finally:
        stopping.set()
        thread.join()
