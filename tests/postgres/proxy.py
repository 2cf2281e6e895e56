"""A proxy before PostgreSQL that cuts a connection once a COMMIT has reached the server, before it is answered."""

import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

PORT = 5432
_COMMIT = b"COMMIT"


class CuttingProxy:
    """Proxy on a Unix socket.

    Attributes:
        url: of the database through the proxy.
        cuts: how many connections were cut.
    """

    def __init__(self, folder: Path, url: str) -> None:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        self._host, self._port = given.get("host", "localhost"), int(given.get("port", PORT))
        self._password = f":{quote(given['password'])}" if "password" in given else ""
        self.url = (
            f"postgresql://{given.get('user', '')}{self._password}@/{given['dbname']}"
            f"?host={quote(str(folder), safe='')}&port={PORT}"
        )
        self.cuts = 0
        self._is_armed = False
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / f".s.PGSQL.{PORT}"))

    def __enter__(self) -> Self:
        self._listening.listen()
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._listening.close()

    def cut_at_next_commit(self) -> None:
        """Cut the connection over which the next COMMIT comes."""
        self._is_armed = True

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = self._connected()
                Thread(target=self._forward_requests, args=(client, server), daemon=True).start()
                Thread(target=self._forward_answers, args=(server, client), daemon=True).start()

    def _connected(self) -> socket.socket:
        if self._host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._host}/.s.PGSQL.{self._port}")
            return server
        return socket.create_connection((self._host, self._port))

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), client, server:
            while data := client.recv(1 << 16):
                is_cut = self._is_armed and _COMMIT in data
                if is_cut:
                    self._is_armed = False
                    client.shutdown(socket.SHUT_RDWR)  # no answer arrives
                server.sendall(data)
                if is_cut:
                    time.sleep(0.2)  # the server commits
                    self.cuts += 1
                    return

    def _forward_answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
