"""Scrapes the application's own metrics as Prometheus would, while it is measured."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from urllib.error import URLError
from urllib.request import urlopen

EACH_S = 1.0
# Until it listens, so that the first scrape is not a second late.
LOOK_S = 0.1
TIMEOUT_S = 10.0


class Scraper:
    """Scrapes a port once a second, from when somebody listens there.

    Attributes:
        port: a free one, for METRICS_PORT.
        scrapes: how many were answered.
    """

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.scrapes = 0
        self._done = Event()

    def run(self) -> None:
        """Scrape until it is stopped."""
        while not self._done.wait(EACH_S if self._scrape() else LOOK_S):
            pass

    def stop(self) -> None:
        """Let `run` return."""
        self._done.set()

    def _scrape(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=TIMEOUT_S) as answer:
                self.scrapes += b"frames_ready " in answer.read()
        except (URLError, OSError):
            return False
        return True


@contextmanager
def scraping() -> Iterator[Scraper]:
    """Scrape while the context lasts; gives the scraper."""
    scraper = Scraper()
    thread = Thread(target=scraper.run, name="scraper", daemon=True)
    thread.start()
    try:
        yield scraper
    finally:
        scraper.stop()
        thread.join(TIMEOUT_S)
