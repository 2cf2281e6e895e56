"""A server that leaves the protocol to a function."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def accepting(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one client after another until the context ends; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        is_over = threading.Event()

        def accept() -> None:
            while not is_over.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = server.accept()
                    client.settimeout(30)
                    with client, contextlib.suppress(OSError):
                        talk(client)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            is_over.set()
            thread.join()
