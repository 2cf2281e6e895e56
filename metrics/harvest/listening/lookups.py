"""Name lookups that keep no process alive."""

import asyncio
import socket
from contextlib import suppress
from threading import Thread
from typing import Any


class LookupLoop(asyncio.SelectorEventLoop):
    """An event loop whose name lookups end with it.

    A lookup cannot be interrupted, and may take half a minute. asyncio runs it in a thread pool, which the loop and the
    process wait for at their end; here each lookup has a daemon thread, and a late answer is dropped.
    """

    async def getaddrinfo(self, host: Any, port: Any, **how: Any) -> list[Any]:
        """Look up the addresses of a host, as `socket.getaddrinfo` does."""
        answer: asyncio.Future[list[Any]] = self.create_future()

        def settle(addresses: list[Any] | Exception) -> None:
            if answer.done():  # its request was cancelled
                return
            if isinstance(addresses, Exception):
                answer.set_exception(addresses)
            else:
                answer.set_result(addresses)

        def look_up() -> None:
            addresses: list[Any] | Exception
            try:
                addresses = socket.getaddrinfo(host, port, **how)
            except (OSError, UnicodeError) as error:
                addresses = error
            with suppress(RuntimeError):  # the loop is closed
                self.call_soon_threadsafe(settle, addresses)

        Thread(target=look_up, name="lookup", daemon=True).start()
        return await answer
