"""What all pages have, in a real Chromium, over two systems that the test makes up: bar, theme, overview, API."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from socket import create_server
from threading import Event, Thread

import pytest
from fastapi import APIRouter
from playwright.sync_api import Browser
from playwright.sync_api import Page as BrowserPage

from metrics import __version__
from metrics.web import shell
from metrics.web.app import System, create_app
from metrics.web.glance import Condition, Glance, State
from metrics.web.server import Server
from metrics.web.shell import Page
from metrics.wording.errors import BrokerError, NoDatabaseError

pytestmark = pytest.mark.browser

TIMEOUT_S = 30.0


async def songs() -> Glance:
    return Glance(State(Condition.GOOD, "Playing"), "1,234", "songs played")


async def films() -> Glance:
    raise BrokerError("no broker answers", why="it is away")


async def books() -> Glance:
    raise NoDatabaseError("books has no database yet", hint="create one: python app.py books init-db")


def system(name: str, glance: Callable[[], Awaitable[Glance]]) -> System:
    def build() -> None:
        with shell.header(name, f"About {name}."):
            pass

    page = Page(f"/{name.lower()}", name, build, [], [], glance)
    return System([APIRouter()], [], [page], lambda: None, lambda: None, lambda: None)


SYSTEMS = {"Songs": songs, "Films": films, "Books": books}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    app = create_app([system(*each) for each in SYSTEMS.items()], title="Media", about="", token=None)
    started, stopping = Event(), Event()
    server = Server(app, stopping, on_start=started.set)
    with create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        assert started.wait(TIMEOUT_S)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        stopping.set()
        thread.join(TIMEOUT_S)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[BrowserPage]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    wrong: list[str] = []
    opened = context.new_page()
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(f"{error}"))
    opened.goto(address)
    yield opened
    context.close()
    assert wrong == []


def test_the_overview_has_the_state_and_a_number_of_each_system_or_why_there_is_none(page: BrowserPage) -> None:
    cards = page.locator(".system")
    cards.first.get_by_text("Playing").wait_for()
    assert [cards.first.locator(part).inner_text() for part in (".number", ".quiet")] == ["1,234", "songs played"]
    cards.nth(1).get_by_text("No answer").wait_for()
    assert "no broker answers" in cards.nth(1).inner_text()
    cards.last.get_by_text("Not set up").wait_for()
    assert "create one: python app.py books init-db" in cards.last.inner_text()


def test_the_bar_leads_to_each_page_and_to_the_api_and_back(page: BrowserPage, address: str) -> None:
    bar = page.locator("header.site-bar")
    assert __version__ in bar.inner_text()
    assert bar.get_by_role("link").all_inner_texts()[2:] == [*SYSTEMS, "API"]
    for name in ("Films", "Songs", "API"):
        page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        page.wait_for_load_state()
        current = page.locator("header.site-bar [aria-current=page]")
        current.wait_for()
        assert current.inner_text() == name
    assert page.url == f"{address}/docs"
    page.locator(".home").click()
    page.wait_for_url(f"{address}/")


def test_the_keyboard_alone_skips_the_bar_and_chooses_a_theme(page: BrowserPage) -> None:
    page.wait_for_function("window.did_handshake")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to content"
    for _ in range(6):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Theme"
    page.keyboard.press("Enter")
    page.locator("#themes").wait_for()
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.body.classList.contains('body--dark')")
    page.keyboard.press("Enter")


def test_a_page_whose_browser_was_busy_for_some_seconds_is_not_loaded_again(page: BrowserPage) -> None:
    page.wait_for_function("window.did_handshake")
    page.evaluate("window.is_the_same = true; const end = Date.now() + 10_000; while (Date.now() < end);")
    page.wait_for_timeout(3_000)
    assert page.evaluate("window.is_the_same")
