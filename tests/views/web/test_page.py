"""The page of views in a real Chromium, over a real server, Kafka and PostgreSQL."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka.admin import NewTopic
from playwright.sync_api import Browser, BrowserContext, Page

from metrics.postgres import local_server
from metrics.views import schema
from metrics.views.settings import ViewsSettings
from tests.kafka.application import PROJECT, STARTED, TIMEOUT_S, finish, wait_until
from tests.views.core.test_recount import MIDNIGHT, line
from tests.views.verify.filled import Sent, Topic, recounted

pytestmark = pytest.mark.slow

BIG = 2**53 + 1
HOUR_S, DAY_S = 3_600, 86_400
NDJSON = {"Content-Type": "application/x-ndjson"}

# Three users watch BIG; two of them watch 7 for twice as long; 8 has a start alone. BIG has an event two days earlier.
RECORDS: list[Sent] = [
    (0, line("a", 1, BIG, "streamstart", MIDNIGHT - 2 * DAY_S)),
    *((0, line(f"b{number}", 1, BIG, time=MIDNIGHT + 30 * number)) for number in range(6)),
    *((0, line(f"c{number}", 2, BIG, time=MIDNIGHT + HOUR_S + number)) for number in range(2)),
    (1, line("d", BIG, BIG, time=MIDNIGHT + 2 * HOUR_S)),
    *((0, line(f"e{number}", 1, 7, time=MIDNIGHT)) for number in range(4)),
    (0, line("f", 2, 7, time=MIDNIGHT)),
    (0, line("g", 2, 8, "streamstart", MIDNIGHT)),
    (0, line("g", 2, 8, "streamstart", MIDNIGHT)),
    (0, b"{}"),
]
ENDS = {0: 17, 1: 1, 2: 0}
END_OF_LAST_HOUR = "2025-11-28 03:00"

# Texts of the tooltips that are shown; ECharts hides a tooltip rather than removing it.
TOOLTIPS = """[...document.querySelectorAll('.chart > div:not(:has(svg))')].filter(at =>
    at.checkVisibility({visibilityProperty: true}) && at.innerText).map(at => at.innerText)"""
MARK_CHART = "document.querySelector('.chart').classList.add('marked')"
HIDE = """at => {Object.defineProperty(document, 'hidden', {configurable: true, get: () => at});
    document.dispatchEvent(new Event('visibilitychange'))}"""


class Views:
    """The commands of views on topics and tables of a test's own."""

    def __init__(self, settings: ViewsSettings) -> None:
        self._variables = {
            "BOOTSTRAP_SERVERS": f"{settings.bootstrap_servers}",
            "DATABASE_URL": f"{settings.database_url}",
            "VIEWS_TOPIC": settings.views_topic,
            "VIEWS_REJECTED_TOPIC": settings.views_rejected_topic,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command, and leave it running until the end of the test at the latest."""
        command = [sys.executable, f"{PROJECT}/app.py", "views", *arguments]
        variables, pipe = os.environ | self._variables, subprocess.PIPE
        process = subprocess.Popen(command, env=variables, stdout=pipe, stderr=pipe, text=True)
        STARTED.append(process)
        return process

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve, and give the address; see that the server ends well."""
        process = self.start("serve", "--port", "0")
        assert process.stdout is not None
        address = re.match(r"the page is at (http://\S+)/ and the API at \S+/docs", process.stdout.readline())
        assert address is not None
        yield address[1]
        assert "Traceback" not in stopped(process)


def stopped(process: subprocess.Popen[str]) -> str:
    """Stop a command as its user does, and return what it said."""
    process.send_signal(signal.SIGINT)
    return finish(process)


@contextmanager
def browsing(browser: Browser, address: str, **how: Any) -> Iterator[BrowserContext]:
    """Give a browser; at its end, see that it asked no other host for anything, and that nothing went wrong in it."""
    wrong: list[str] = []
    context = browser.new_context(**how)
    context.set_default_timeout(60_000)
    context.on("request", lambda request: None if request.url.startswith(address) else wrong.append(request.url))
    context.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: wrong.append(f"{error.error}"))
    yield context
    context.close()
    assert wrong == []


def go(context: BrowserContext, address: str) -> Page:
    """Open an address in a new tab."""
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("window.did_handshake")
    return page


@pytest.fixture
def topic(bootstrap_servers: str, database_url: str) -> Topic:
    topic = Topic(bootstrap_servers, database_url)
    rejected = topic.settings.views_rejected_topic
    topic.admin.create_topics([NewTopic(rejected, 1, 1)])[rejected].result(TIMEOUT_S)
    return topic


@pytest.fixture
def filled(topic: Topic) -> Topic:
    """Give a topic with RECORDS, and the tables that follow from them."""
    topic.send(RECORDS)
    topic.fill(recounted(RECORDS), ENDS)
    return topic


def rows(page: Page, table: str) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in page.locator(f".{table} tbody tr").all()]


def figure(page: Page, name: str) -> str:
    return page.locator(".figure", has=page.get_by_role("heading", name=name, exact=True)).inner_text()


def shows(page: Page, title: str, words: str) -> None:
    """Wait until the page shows an item, or all of them, and a sentence about its trend."""
    page.locator(".trend h2", has_text=title).wait_for()
    page.locator(".chosen-media:not(.stale) .range").get_by_text(words).wait_for()


def has_values(page: Page, waypoints: int) -> bool:
    """Return whether the page shows these waypoints of one item as its view time, in its trend, and as counted."""
    minutes = f"{waypoints / 2:.1f} min"
    return (
        rows(page, "top-media")[0][1] == minutes
        and f": {minutes} viewed" in page.locator(".range").inner_text()
        and f"\n{waypoints}\n" in figure(page, "Counted").replace("\n\n", "\n")
    )


def test_events_that_are_sent_appear_by_themselves_with_what_was_rejected(topic: Topic, browser: Browser) -> None:
    views = Views(topic.settings)
    with views.serving() as address, browsing(browser, address) as context:
        page = go(context, f"{address}/views")
        page.get_by_text("No view events counted yet. Generate some, and send them:").wait_for()
        commands = [text.partition(" views ")[2] for text in page.locator(".command").all_inner_texts()]
        assert commands == ["generate data/views.jsonl", "send data/views.jsonl"]
        page.get_by_text("No job is active: nothing was committed yet").wait_for()
        now = int(time.time()) // HOUR_S * HOUR_S
        lines = [line(f"a{number}", number % 3, BIG, time=now) for number in range(10)] + [b"{", b'{"MediaId": 1.5}']
        assert httpx.post(f"{address}/views/events", content=b"\n".join(lines), headers=NDJSON).status_code == 200
        page.locator(".banner").get_by_text("10 records are not counted yet, and no job is active.").wait_for()
        job = views.start("count")
        page.locator(".banner").filter(visible=True).wait_for(state="hidden")
        page.get_by_text("The job is active; last commit").wait_for()
        wait_until(lambda: rows(page, "top-media") == [["9007199254740993", "5.0 min", "3", "0"]], "the item is there")
        wait_until(lambda: "Counted 10 " in " ".join(figure(page, "Counted").split()), "the events are counted")
        assert "every record of the topic was read" in figure(page, "Uncounted")
        assert "12 lines since" in figure(page, "Taking rate")
        assert "2 in the dead letter topic" in figure(page, "Rejected")
        assert ["not JSON", "1"] in rows(page, "reasons")
        assert ["missing EventId", "1"] in rows(page, "reasons")
        shown_after_s = []
        for number in range(1, 6):  # each is sent once the page has just looked, so the best has waited for a look, too
            began_s = time.monotonic()
            more = line(f"b{number}", 1, BIG, time=now)
            assert httpx.post(f"{address}/event/create/", content=more).json() == {"status": "success"}
            wait_until(partial(has_values, page, 10 + number), "the new values are shown")
            shown_after_s.append(time.monotonic() - began_s)
        assert min(shown_after_s) < 2
        page.evaluate(HIDE, arg=True)
        page.wait_for_timeout(2_000)  # a look that had begun
        assert httpx.post(f"{address}/event/create/", content=line("c", 1, BIG, time=now)).status_code == 200
        page.wait_for_timeout(3_000)
        assert rows(page, "top-media")[0][1] == "7.5 min"
        page.evaluate(HIDE, arg=False)
        wait_until(lambda: rows(page, "top-media")[0][1] == "8.0 min", "a page that is shown again is up to date")
        stopped(job)
        page.get_by_text(re.compile("No job is active: .* was stopped; last commit")).wait_for()


def test_what_is_chosen_is_in_the_address_and_the_back_button_works(filled: Topic, browser: Browser) -> None:
    with Views(filled.settings).serving() as address, browsing(browser, address) as context:
        page = go(context, f"{address}/views")
        wait_until(lambda: [row[0] for row in rows(page, "top-media")] == [f"{BIG}", "7", "8"], "the top items")
        page.locator(".chart svg").wait_for()
        page.evaluate(MARK_CHART)
        page.locator(".top-media").get_by_role("link", name=f"{BIG}").click()
        shows(
            page,
            f"Item {BIG}",
            f"2025-11-26 00:00 to {END_OF_LAST_HOUR}: 4.5 min viewed, 1 start; most at 2025-11-28 00:00",
        )
        assert page.url == f"{address}/views?media={BIG}"
        assert page.title() == f"Item {BIG} · Views"
        totals = " ".join(page.locator(".totals").inner_text().split())
        assert totals == "4.5 min view time 3 viewers 1 starts 0 stops 0 ends"
        assert rows(page, "viewers") == [["1", "3.0 min"], ["2", "1.0 min"], [f"{BIG}", "0.5 min"]]
        wait_until(lambda: [row[0] for row in rows(page, "similar")] == ["7"], "8 has no view time to compare")
        assert rows(page, "similar")[0][2] == "2"
        page.get_by_role("link", name="days", exact=True).click()
        shows(page, f"Item {BIG}", "2025-11-26 to 2025-11-28: 4.5 min viewed")
        page.get_by_role("link", name="minutes", exact=True).click()
        page.get_by_role("link", name="1 h", exact=True).click()
        shows(page, f"Item {BIG}", "2025-11-28 01:01 to 02:01: 30 s viewed")
        page.get_by_role("button", name="Earlier").click()
        shows(page, f"Item {BIG}", "2025-11-28 00:01 to 01:01: 3.0 min viewed")
        page.get_by_label("time zone").fill("europe/berlin")
        page.get_by_label("time zone").press("Enter")
        shows(page, f"Item {BIG}", "2025-11-28 01:01 to 02:01: 3.0 min viewed")
        shared = page.url
        assert shared == f"{address}/views?media={BIG}&per=minute&range=1h&to=2025-11-28T01:01:00Z&tz=Europe/Berlin"
        csv = httpx.get(f"{address}{page.locator('.csv').get_attribute('href')}")
        assert (len(csv.text.splitlines()), csv.headers["Content-Type"]) == (61, "text/csv; charset=utf-8")
        page.locator(".similar").get_by_role("link", name="7", exact=True).click()
        shows(page, "Item 7", "2025-11-28 01:00: 2.5 min viewed")
        page.go_back()
        shows(page, f"Item {BIG}", "2025-11-28 01:01 to 02:01: 3.0 min viewed")
        for _ in range(6):
            page.go_back()
        shows(page, "All items", f"2025-11-26 00:00 to {END_OF_LAST_HOUR}")
        assert page.url == f"{address}/views"
        page.go_forward()
        shows(page, f"Item {BIG}", "2025-11-26 00:00")
        assert page.locator(".chart.marked").count() == 1, "NiceGUI cannot remove a chart that is not drawn yet"
        other = go(context, shared)
        shows(other, f"Item {BIG}", "2025-11-28 01:01 to 02:01: 3.0 min viewed")
        other.locator(".chart svg").wait_for()
        labels = other.locator(".chart svg text").all_text_contents()
        assert [label for label in labels if ":" in label] == ["01:10", "01:20", "01:30", "01:40", "01:50", "02:00"]
        box = other.locator(".chart").bounding_box()
        assert box is not None
        other.mouse.move(box["x"] + box["width"] - 20, box["y"] + 100)
        wait_until(
            lambda: "from 2025-11-28 02:00 +01:00" in "".join(other.evaluate(TOOLTIPS)), "the chart explains itself"
        )


def test_what_does_not_exist_or_is_wrong_is_said(filled: Topic, browser: Browser) -> None:
    with Views(filled.settings).serving() as address, browsing(browser, address) as context:
        page = go(context, f"{address}/views?media=1.5&per=week&tz=Berlin")
        page.locator(".banner").get_by_text("media: a MediaId is a whole number, 0 to 9223372036854775807").wait_for()
        page.locator(".banner").get_by_text("per: one of minute, hour, day, not 'week'").wait_for()
        shows(page, "All items", "2025-11-26 00:00")
        page.get_by_label("MediaId").fill("<img src=x>")
        page.get_by_label("MediaId").press("Enter")
        page.get_by_text("not '<img src=x>'").wait_for()
        page.get_by_label("MediaId").fill(f" {2**63 - 1} ")
        page.get_by_role("button", name="Show").click()
        shows(page, f"Item {2**63 - 1}", f"No event about item {2**63 - 1} was counted yet.")
        assert not page.locator(".csv").is_visible()
        assert page.get_by_text("not '<img src=x>'").count() == 0
        page.locator(".banner").get_by_text("media:").wait_for(state="hidden")
        page.get_by_label("time zone").fill("Berlin")
        page.get_by_label("time zone").press("Enter")
        page.get_by_text("did you mean Europe/Berlin?").wait_for()
        page.get_by_role("link", name="all items").click()
        shows(page, "All items", "2025-11-26 00:00")
        page.get_by_role("link", name="viewers", exact=True).click()
        page.wait_for_url(f"{address}/views?order=viewers")


def test_a_database_that_does_not_answer_is_said_before_the_server_gives_up(filled: Topic, browser: Browser) -> None:
    with Views(filled.settings).serving() as address, browsing(browser, address) as context:
        page = go(context, f"{address}/views")
        shows(page, "All items", "2025-11-26 00:00")
        with closing(schema.open_views(filled.url, filled.settings)) as connection, connection.transaction():
            connection.execute("LOCK TABLE counts")
            page.locator(".banner").get_by_text(re.compile(r"The database has not answered for \d+ s\.")).wait_for()
            assert page.locator(".banner").get_by_text("cannot be reached").count() == 0
            page.locator(".pill.unknown").get_by_text("Nothing is known of the job since").wait_for()
            assert page.locator(".figures.stale").count() == 1
        page.locator(".figures:not(.stale)").wait_for()
        assert page.get_by_text("Nothing is known of the job since").count() == 0
        page.locator(".banner").get_by_text("has not answered").wait_for(state="hidden")


def test_a_database_or_a_broker_that_is_away_is_said_and_the_page_recovers(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "database"
    with local_server.shared(folder, print) as url:
        settings = ViewsSettings(bootstrap_servers="127.0.0.1:1", database_url=url)
        with closing(schema.connect_to_schema(url, settings)) as connection:
            schema.init(connection, settings)
    with Views(settings).serving() as address, browsing(browser, address) as context:
        page = go(context, f"{address}/views?media=7")
        page.locator(".banner").get_by_text("the database cannot be reached").wait_for()
        with local_server.shared(folder, print):
            page.get_by_text("No view events counted yet.").wait_for()
            page.locator(".banner").get_by_text("the database cannot be reached").wait_for(state="hidden")
            shows(page, "Item 7", "No event about item 7 was counted yet.")
            page.locator(".banner").get_by_text("The number of uncounted records is unknown.").wait_for()
            assert "not known at present" in figure(page, "Uncounted")


def test_it_fits_a_phone_and_its_controls_are_large_enough(filled: Topic, browser: Browser) -> None:
    phone = {"viewport": {"width": 360, "height": 844}, "has_touch": True}
    with Views(filled.settings).serving() as address, browsing(browser, address, **phone) as context:
        page = go(context, f"{address}/views")
        page.locator(".top-media").get_by_role("link", name=f"{BIG}").tap()
        page.locator(".similar tbody tr").wait_for()
        page.locator(".chart svg").wait_for()
        top = "document.querySelector('.trend').getBoundingClientRect().top"
        wait_until(lambda: -10 < page.evaluate(top) < 400, "the item is in view")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        inner = "[...document.querySelectorAll('.q-table__middle')].map(at => at.scrollWidth - at.clientWidth)"
        assert max(page.evaluate(inner)) <= 0
        heights = "[...document.querySelectorAll('#app :is(button, a)')].filter(at => at.offsetParent)"
        assert min(page.evaluate(f"{heights}.map(at => at.getBoundingClientRect().height)")) >= 42
        small = "[...document.querySelectorAll('#app *')].filter(at => parseFloat(getComputedStyle(at).fontSize) < 11)"
        assert page.evaluate(f"{small}.map(at => at.outerHTML)") == []


def take_picture(page: Page, path: Path) -> None:
    """Take a picture, after the mouse was on the chart."""
    page.locator(".similar tbody tr").first.wait_for()
    page.wait_for_function("getElement(document.querySelector('.chart'))?.chart?.getOption().dataset[0].source.length")
    page.locator(".chart").hover()
    wait_until(lambda: "viewed" in "".join(page.evaluate(TOOLTIPS)), "the chart explains itself")
    page.mouse.move(5, 5)
    wait_until(lambda: page.evaluate(TOOLTIPS) == [], "it stops")
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path)
    assert 20_000 < path.stat().st_size < 400_000


def test_pictures_are_taken(topic: Topic, browser: Browser, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    views, folder = Views(topic.settings), Path(pytestconfig.getoption("pictures") or tmp_path)
    generated = tmp_path / "views.jsonl"
    options = {"--count": 30_000, "--users": 150, "--media": 60}
    finish(views.start("generate", f"{generated}", *(f"{part}" for option in options.items() for part in option)))
    wide, narrow = {"width": 1280, "height": 1610}, {"width": 390, "height": 1990}
    with views.serving() as address:
        job = views.start("count")
        sent = httpx.post(f"{address}/views/events", content=generated.read_bytes(), headers=NDJSON, timeout=TIMEOUT_S)
        assert sent.json()["accepted"] > 29_000
        wait_until(lambda: httpx.get(f"{address}/views/status").json()["lag"] == 0, "all is counted")
        [best] = httpx.get(f"{address}/views/media?limit=1").json()["media"]
        for name, size, scheme in (("light", wide, "light"), ("dark", wide, "dark"), ("phone", narrow, "light")):
            with browsing(browser, address, viewport=size, color_scheme=scheme) as context:
                page = go(context, f"{address}/views?media={best['media_id']}")
                page.get_by_text("The job is active").wait_for()
                take_picture(page, folder / f"views-{name}.png")
        stopped(job)
