"""FTP servers of the tests: a real one with faults on demand, and one that follows a script."""

import contextlib
import logging
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # asyncore, which it uses until 3.12
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import DTPHandler, FTPHandler
    from pyftpdlib.servers import FTPServer

from tests.catalogue.collect.raw_server import accepting

USER, PASSWORD = "anna", "s3cret/@:#"


@contextlib.contextmanager
def serving(
    folder: Path, *, dtp: type[Any] = DTPHandler, without: tuple[str, ...] = (), is_open: bool = True
) -> Iterator[int]:
    """Serve a folder by pyftpdlib; yields the port.

    Args:
        dtp: the handler of data connections.
        without: commands that the server does not know.
        is_open: for anonymous users.
    """
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(folder))
    if is_open:
        authorizer.add_anonymous(str(folder))
    commands = {name: facts for name, facts in FTPHandler.proto_cmds.items() if name not in without}
    handler = type(
        "Handler",
        (FTPHandler,),
        {
            "authorizer": authorizer,
            "dtp_handler": dtp,
            "proto_cmds": commands,
            "use_sendfile": False,
            "auth_failed_timeout": 0,
        },
    )
    logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
    server = FTPServer(("127.0.0.1", 0), handler)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            server.ioloop.loop(timeout=0.05, blocking=False)  # serve_forever would log each time
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.address[1]
    finally:
        is_over.set()
        thread.join()


def failing(after_bytes: int, fail: Callable[[Any], None]) -> type[Any]:
    """Return a handler of data connections that fails once it has sent this many bytes."""

    def send(self: Any, data: bytes) -> int:
        if self.tot_bytes_sent >= after_bytes:
            fail(self)
            return 0
        return int(DTPHandler.send(self, data))

    return type("Failing", (DTPHandler,), {"send": send})


def closing_with(reply: str) -> Callable[[Any], None]:
    """Return a fault: the data connection is closed, and this is the reply."""

    def fail(handler: Any) -> None:
        handler._resp = (reply, logging.getLogger("pyftpdlib").debug)
        handler.close()

    return fail


def hang_up(handler: Any) -> None:
    """Close both connections without a word."""
    handler.close()
    handler.cmd_channel.close()


class Script:
    """A server that follows a script, for one client after another.

    Args:
        content: of its file.
        sent: the number of its bytes that are sent; all if None.
        replies: what it answers to a command instead of its usual reply; after the transfer, to `END`. `None` closes
            the control connection.
        tls: of the control and the data connections.
        is_ragged: whether it cuts TLS data connections off instead of ending them.
    """

    def __init__(
        self,
        content: bytes,
        *,
        sent: int | None = None,
        replies: dict[str, str | None] | None = None,
        tls: ssl.SSLContext | None = None,
        is_ragged: bool = False,
    ) -> None:
        self._content = content
        self._sent = len(content) if sent is None else sent
        self._replies = replies or {}
        self._tls = tls
        self._is_ragged = is_ragged
        self.commands: list[str] = []
        self.resumed: list[bool | None] = []

    def serving(self) -> contextlib.AbstractContextManager[int]:
        """Serve until the context ends; yields the port."""
        return accepting(self._talk)

    def _talk(self, client: socket.socket) -> None:
        control: socket.socket = client
        data_server: socket.socket | None = None
        control.sendall(b"220 \xfcber FTP\r\n")  # not UTF-8
        while command := self._line(control):
            self.commands.append(command)
            verb = command.partition(" ")[0]
            if verb == "AUTH" and self._tls is not None:
                control.sendall(b"234 go\r\n")
                control = self._tls.wrap_socket(control, server_side=True)
                continue
            if verb in ("PASV", "EPSV"):
                data_server = socket.create_server(("127.0.0.1", 0))
                port = data_server.getsockname()[1]
                control.sendall(f"227 (127,0,0,1,{port >> 8},{port & 255})\r\n".encode())
                continue
            if verb == "RETR" and data_server is not None and "RETR" not in self._replies:
                self._transfer(control, data_server)
                verb = "END"
            if not self._reply(control, verb):
                break
        control.close()

    def _transfer(self, control: socket.socket, data_server: socket.socket) -> None:
        control.sendall(b"150 here it comes\r\n")
        with data_server:
            data, _ = data_server.accept()
        data.settimeout(30)
        if self._tls is not None:
            data = self._tls.wrap_socket(data, server_side=True)
            self.resumed.append(data.session_reused)
        data.sendall(self._content[: self._sent])
        if isinstance(data, ssl.SSLSocket) and not self._is_ragged:
            with contextlib.suppress(OSError):
                data = data.unwrap()
        data.close()

    def _reply(self, control: socket.socket, verb: str) -> bool:
        usual = {
            "USER": "331 password",
            "PASS": "230 in",
            "SIZE": f"213 {len(self._content)}",
            "MDTM": "213 20211206193019",
            "END": "226 done",
            "QUIT": "221 bye",
        }
        reply = self._replies.get(verb, usual.get(verb, "200 ok"))
        if reply is not None:
            control.sendall(f"{reply}\r\n".encode())
        return reply is not None and not reply.startswith("421")

    @staticmethod
    def _line(control: socket.socket) -> str:
        line = b""
        while not line.endswith(b"\n"):
            byte = control.recv(1)
            if not byte:
                return ""
            line += byte
        return line.decode().strip()
