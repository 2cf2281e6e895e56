"""Scrapes of the application's own metrics, as by Prometheus, while it is measured."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from urllib.request import urlopen

EACH_S = 1.0
LOOK_S = 0.1  # until it listens, so that the first scrape is not a second late
TIMEOUT_S = 10.0


@contextmanager
def scraping() -> Iterator[tuple[int, list[bytes]]]:
    """Scrape for the duration of the context, once a second as soon as something listens.

    Yields:
        A free port, for METRICS_PORT, and the answers so far.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    answers: list[bytes] = []
    stopping = Event()

    def scrape() -> None:
        while not stopping.wait(EACH_S if answers else LOOK_S):
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_S) as answer:
                answers.append(answer.read())

    thread = Thread(target=scrape, name="scraper", daemon=True)
    thread.start()
    try:
        yield port, answers
    finally:
        stopping.set()
        thread.join(TIMEOUT_S)
