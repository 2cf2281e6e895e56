"""Scrapes of the application's own metrics, as by Prometheus, while it is measured."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from urllib.error import URLError
from urllib.request import urlopen

EACH_S = 1.0
LOOK_S = 0.1  # until it listens, so that the first scrape is not a second late
TIMEOUT_S = 10.0


class Scraper:
    """Scraper of a port, once a second as soon as something listens there.

    Attributes:
        port: a free one, for METRICS_PORT.
        scrapes: how many were answered.
    """

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.scrapes = 0

    def run(self, stopping: Event) -> None:
        """Scrape until `stopping` is set."""
        while not stopping.wait(EACH_S if self._scrape() else LOOK_S):
            pass

    def _scrape(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=TIMEOUT_S) as answer:
                self.scrapes += b"frames_ready " in answer.read()
        except (URLError, OSError):
            return False
        return True


@contextmanager
def scraping() -> Iterator[Scraper]:
    """Scrape for the duration of the context; yields the scraper."""
    scraper, stopping = Scraper(), Event()
    thread = Thread(target=scraper.run, args=(stopping,), name="scraper", daemon=True)
    thread.start()
    try:
        yield scraper
    finally:
        stopping.set()
        thread.join(TIMEOUT_S)
