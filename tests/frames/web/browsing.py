"""The page opened in a browser, by the tests of all its parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page


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
    drawn = "document.querySelectorAll('.chart svg').length > 1 || document.querySelector('.empty')?.checkVisibility()"
    page.wait_for_function(f"window.did_handshake && ({drawn})")
    yield page
    context.close()
    assert wrong == []
