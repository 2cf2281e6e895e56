"""The page opened in a browser, by the tests of all its parts."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from playwright.sync_api import Browser, Page

from tests.kafka.application import TIMEOUT_S, Application

# Notes when each new row of the first chart is drawn, by the start of its window in ms.
WATCH = """() => {
    window.seen = {};
    const look = () => {
        const rows = getElement(document.querySelector('.chart')).chart.getOption().dataset[0].source;
        for (const row of rows.slice(-8)) if (row[7] !== null) window.seen[row[7] - 1000] ??= Date.now();
    };
    look();
    window.known = Object.keys(window.seen).map(Number);
    new MutationObserver(look).observe(document.querySelector('.chart'), {subtree: true, childList: true,
        attributes: true});
}"""

# Whether both charts got their rows: over one without, a pointer that rests shows no tooltip later, either.
DRAWN = """(() => {
    const drawn = [...document.querySelectorAll('.chart')].map(at => getElement(at)?.chart?.getOption().xAxis[0].max);
    return drawn.length > 1 && drawn.every(Number.isFinite);
})()"""


@contextmanager
def opened(browser: Browser, address: str, **how: Any) -> Iterator[Page]:
    """Open the page; at its end, see that it asked no other host for anything, and that nothing went wrong in it."""
    wrong: list[str] = []
    context = browser.new_context(**how)
    page = context.new_page()
    there = "/".join(address.split("/")[:3])
    page.on("request", lambda request: None if request.url.startswith(there) else wrong.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"{error}"))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.goto(address)
    drawn = f"{DRAWN} || document.querySelector('.empty')?.checkVisibility()"
    page.wait_for_function(f"window.did_handshake && ({drawn})")
    yield page
    context.close()
    assert wrong == []


def delays_after_commits(pages: Sequence[Page], application: Application, windows: int) -> list[list[float]]:
    """Return how long after their commit new seconds were drawn in each page, in ms."""
    for page in pages:
        page.evaluate(WATCH)
    committed_ms = next_commits_ms(application, windows)
    delays = []
    for page in pages:
        page.wait_for_function("last => Object.keys(window.seen).some(start => start >= last)", arg=max(committed_ms))
        seen = {int(start): at for start, at in page.evaluate("window.seen").items()}
        known = max(page.evaluate("window.known"))
        # A busy page draws two new windows at once, of which one is seen, if both are in one step.
        drawn = {start: min(at for later, at in seen.items() if later >= start) for start in committed_ms}
        delays.append([drawn[start] - at for start, at in committed_ms.items() if start > known])
    return delays


def next_commits_ms(application: Application, windows: int) -> dict[int, float]:
    """Return when the next seconds were committed, by the start of their window, in ms."""
    servers = application.bootstrap_servers
    committed_ms: dict[int, float] = {}
    observer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"{application.name}-observer",
            "isolation.level": "read_committed",
        }
    )
    topic, give_up_s = application.topic("seconds"), time.monotonic() + TIMEOUT_S
    with closing(observer):
        end = observer.get_watermark_offsets(TopicPartition(topic, 0), TIMEOUT_S)[1]
        observer.assign([TopicPartition(topic, 0, end)])
        while len(committed_ms) < windows and time.monotonic() < give_up_s:
            message = observer.poll(0.05)
            if message is not None and message.error() is None:
                committed_ms[json.loads(message.value() or b"")["timestamp"] * 1000] = time.time() * 1000
    return committed_ms
