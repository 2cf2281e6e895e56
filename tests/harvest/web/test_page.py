"""The page of harvest in a real Chromium, over real streams."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.simulator.faults import Answer, Faults
from metrics.harvest.simulator.server import Endpoint, local_streams
from tests.harvest.web.serving import MINUTE_US, START_US, Sent, message, record
from tests.harvest.web.test_running import FAST, RUNS, start
from tests.harvest.web.test_running import ended as run_ended
from tests.harvest.web.test_runs import EVENTS
from tests.harvest.web.test_serve import ended, serving
from tests.kafka.application import wait_until

pytestmark = pytest.mark.slow

BROKEN = "<img src=x onerror=alert(1)>"
Serve = Callable[..., Endpoint]

# Texts of the tooltips that are shown; ECharts hides a tooltip rather than removing it.
TOOLTIPS = """[...document.querySelectorAll('.chart > div:not(:has(svg))')].filter(at =>
    at.checkVisibility({visibilityProperty: true}) && at.innerText).map(at => at.innerText)"""


LONG = {"title": "T" * 5_000, "first_name": "N" * 300, "country": "C" * 60}
MALFORMED = (
    "data:{bad",
    "event:a\ndata:{bad",
    "event:a\ndata:[]",
    'data:{"user":{"id":1}}',
    'event:a\ndata:{"user":{"id":"x"}}',
    'event:a\ndata:{"user":{"id":1}}',
    'event:a\ndata:{"user":{"id":1,"first_name":"A"}}',
    'event:a\ndata:{"user":{"id":1,"first_name":"A"},"show":{"show_id":"s"}}',
)


class Malformed(NamedTuple):
    """A frame of a stream, without a valid event."""

    stream: str
    lines: str

    def encoded(self) -> bytes:
        """Return the frame as the stream sends it."""
        return f"{self.lines}\n\n".encode()


# The width of the widest bar of each chart.
WIDEST = """[...document.querySelectorAll('.chart')].map(chart => Math.max(...[...chart.querySelectorAll('path')]
    .map(path => path.getBBox()).filter(box => box.height > 15 && box.height < 30).map(box => box.width)))"""


@contextmanager
def opened(browser: Browser, client: httpx.Client, **how: Any) -> Iterator[Page]:
    """Open the page; at its end, see that it asked no other host for anything, and that nothing went wrong in it."""
    wrong: list[str] = []
    address = str(client.base_url).rstrip("/")
    context = browser.new_context(**how)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("request", lambda request: None if request.url.startswith(address) else wrong.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"{error}"))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.goto(f"{address}/harvest")
    page.wait_for_function("window.did_handshake")
    yield page
    context.close()
    assert wrong == []


def begin(page: Page, seconds: str, name: str = "nobody") -> None:
    """Start a run on the page."""
    page.get_by_label("seconds").fill(seconds)
    page.get_by_label("name", exact=True).fill(name)
    page.get_by_role("button", name="Start").click()


def choose(page: Page, started: str) -> None:
    """Choose the run that started at some time."""
    page.get_by_label("run", exact=True).click()
    page.get_by_role("option", name=started).click()


def tab(page: Page) -> str:
    """Move the focus, and return what has it then."""
    page.keyboard.press("Tab")
    return str(page.evaluate("document.activeElement.outerHTML"))


def tile(page: Page, platform: str) -> Locator:
    return page.locator(".tile", has_text=platform)


def number(place: Locator) -> int:
    return int(place.locator(".number").inner_text().replace(",", ""))


def figure(page: Page, name: str) -> str:
    return (
        page.locator(".figure", has=page.get_by_role("heading", name=name, exact=True)).locator(".number").inner_text()
    )


def rows(page: Page, table: str) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in page.locator(f".{table} tbody tr").all()]


def test_a_run_is_started_watched_and_stopped_and_its_report_shown(
    serve_streams: Serve, tmp_path: Path, browser: Browser
) -> None:
    faults = {"sysney": Faults(script=[Answer(401)])}
    with serving(tmp_path, streams=serve_streams(**FAST, faults=faults)) as (process, client):
        with opened(browser, client) as page:
            page.get_by_text("No runs yet. Start one above").wait_for()
            page.get_by_text(re.compile(r"app\.py harvest$")).wait_for()
            page.get_by_label("times", exact=True).fill("3")
            begin(page, "600", "Sytac of nowhere")
            page.get_by_text("Sytac of nowhere seen 0 of 3").wait_for()
            seen = [number(tile(page, "Sytflix"))]
            for _ in range(3):
                wait_until(lambda: number(tile(page, "Sytflix")) > seen[-1], "it counts events")
                seen.append(number(tile(page, "Sytflix")))
            assert "reading" in tile(page, "Sytflix").inner_text()
            assert "refuses the user sytac (401)" in tile(page, "Sysney").inner_text()
            assert page.locator(".pill .words").inner_text().startswith("Run in progress; Sysney away or refused")
            assert re.fullmatch(r"5\d\d\.\d s left", page.locator(".rule .left").inner_text())
            page.get_by_role("button", name="Stop").click()
            page.locator(".choice").wait_for()
            page.locator(".progress").wait_for(state="hidden")
            run = client.get(f"{RUNS}/latest").json()
            assert figure(page, "Events") == f"{run['events']:,}"
            assert figure(page, "Users") == f"{run['users']:,}"
            assert figure(page, "Shows released in 2020 or later") == f"{run['recent_shows']:,}"
            assert figure(page, "Sytflix events that start a stream") == f"{run['started_share']:.2f}%"
            assert figure(page, "Successful streams") == f"{sum(one['count'] for one in run['successful_streams']):,}"
            assert page.locator(".pill .words").inner_text().startswith("The last run missed Sysney")
            page.get_by_text("because it was stopped. Away or refused when it stopped: Sysney.").wait_for()
            streams = rows(page, "streams")
            assert [row[0] for row in streams] == ["Sytflix", "Sytazon", "Sysney"]
            assert [int(row[4]) for row in streams] == [one["events"] for one in run["streams"]]
            assert "refuses the user sytac (401)" in streams[2][1]
        assert "Traceback" not in ended(process)


def test_a_wrong_rule_is_refused_and_a_right_one_forgives_it(
    serve_streams: Serve, tmp_path: Path, browser: Browser
) -> None:
    with serving(tmp_path, streams=serve_streams(**FAST)) as (process, client):
        with opened(browser, client) as page:
            begin(page, "90000")
            page.get_by_text("seconds: Input should be less than or equal to 86400").wait_for()
            begin(page, "0.1")
            page.get_by_text("because time was up.").wait_for()
            assert page.get_by_text("seconds: Input").count() == 0
        ended(process)


def test_a_run_that_another_client_started_is_watched_too(
    serve_streams: Serve, tmp_path: Path, browser: Browser
) -> None:
    record(tmp_path, EVENTS)
    with serving(tmp_path, streams=serve_streams(**FAST)) as (process, client):
        with opened(browser, client) as page:
            page.get_by_text("Started 07-12-2023 17:01:21.500, and stopped after 20.0 s").wait_for()
            location = start(client, seconds=600, name="nobody")
            page.get_by_text(f"Run {location.rpartition('/')[2]}").wait_for()
            page.get_by_role("heading", name="Report of an earlier run", exact=True).wait_for()
            assert page.locator(".pill .words").inner_text().startswith("Run in progress")
            client.post(f"{location}/stop")
            run = run_ended(client, location)
            page.get_by_text(f"Started {run['started']}").wait_for()
            page.get_by_role("heading", name="Report", exact=True).wait_for()
            assert page.locator(".pill .words").inner_text().startswith("The last run read all streams")
        ended(process)


def test_earlier_runs_are_chosen_and_their_values_are_text(tmp_path: Path, browser: Browser) -> None:
    record(
        tmp_path,
        [Sent("sytflix", "a", "show-liked", message(1, BROKEN, "17:01:22.000", title=BROKEN, first_name=BROKEN))],
    )
    record(tmp_path, EVENTS, started_us=START_US + MINUTE_US)
    with serving(tmp_path) as (process, client):
        with opened(browser, client) as page:
            page.get_by_text("Started 07-12-2023 17:02:21.500").wait_for()
            assert [row[:2] for row in rows(page, "shows")] == [["Show s1", "Sytflix"], ["Show s2", "Sysney"]]
            texts = page.locator(".chart").first.locator("svg text")
            wait_until(lambda: {"started", "liked", "Sysney"} <= {*texts.all_text_contents()}, "the newest is drawn")
            page.evaluate("document.querySelector('.chart').classList.add('marked')")
            choose(page, "07-12-2023 17:01:21: 1 event")
            page.get_by_text("Started 07-12-2023 17:01:21.500").wait_for()
            page.locator(".users").get_by_role("button", name=BROKEN).click()
            page.locator(".lines").get_by_text("show-liked, Sytflix:").wait_for()
            assert rows(page, "shows")[0][0] == BROKEN
            page.get_by_text("No user started streams on more than one platform.").wait_for()
            wait_until(lambda: "started" not in texts.all_text_contents(), "the other run is drawn")
            names = {*filter(str.isalpha, texts.all_text_contents())}
            assert names == {"liked", "Sytflix", "Sytazon", "Sysney"}
            page.locator(".chart").first.hover()
            wait_until(
                lambda: [text.split() for text in page.evaluate(TOOLTIPS)] == [["Sytazon", "liked", "0"]], "once"
            )
            assert page.locator(".chart.marked").count() == 1, "NiceGUI cannot remove a chart that is not drawn yet"
            page.evaluate("getElement(document.querySelector('.chart')).chart.setOption({title: {text: 'new'}})")
            page.wait_for_function("measuring.texts > 0")
        ended(process)


def test_users_are_found_sorted_and_turned_page_by_page(tmp_path: Path, browser: Browser) -> None:
    sent = [
        Sent("sytazon", f"{user}-{at}", "show-liked", message(user, "s1", "17:01:22.000", first_name=f"Name{user % 7}"))
        for user in range(1, 46)
        for at in range(1 + (user == 33))
    ]
    record(tmp_path, sent)
    with serving(tmp_path) as (process, client):
        with opened(browser, client) as page:
            page.get_by_text("45 users").wait_for()
            page.get_by_text("1-20 of 45").wait_for()
            page.get_by_role("button", name="Next page").click()
            page.get_by_text("21-40 of 45").wait_for()
            assert [row[0] for row in rows(page, "users")] == [f"{user}" for user in range(21, 41)]
            for _ in range(2):
                page.locator(".users th", has_text="Events").click()
            wait_until(lambda: rows(page, "users")[0][0] == "33", "the most events come first")
            page.get_by_label("id or name").fill("name6")
            page.get_by_text("6 of 45 users").wait_for()
            wait_until(lambda: [row[0] for row in rows(page, "users")] == ["6", "13", "20", "27", "34", "41"], "found")
        ended(process)


def test_without_permission_nothing_can_be_started(tmp_path: Path, browser: Browser) -> None:
    with serving(tmp_path, "--host", "0.0.0.0") as (process, client):
        with opened(browser, client) as page:
            page.get_by_text("without a token, nobody may change anything from other machines").wait_for()
            assert page.get_by_role("button", name="Start").is_disabled()
            page.get_by_label("seconds").press("Enter")
            submit = "new Event('submit', {bubbles: true, cancelable: true})"
            page.evaluate(f"document.querySelector('form').dispatchEvent({submit})")
            page.evaluate("document.querySelectorAll('.act').forEach(at => {at.disabled = false; at.click()})")
            page.wait_for_timeout(1_000)  # it could begin
            assert client.get(RUNS).json() == {"runs": [], "has_more": False, "unreadable": [], "running": None}
        ended(process)


def test_a_report_that_cannot_be_read_is_a_banner_and_no_figures(tmp_path: Path, browser: Browser) -> None:
    damaged = record(tmp_path, EVENTS)
    record(tmp_path, EVENTS, started_us=START_US + MINUTE_US)
    path = tmp_path / "report" / f"report_{damaged.run}.json"
    text = path.read_text()
    with serving(tmp_path) as (process, client):
        with opened(browser, client) as page:
            page.get_by_text("Started 07-12-2023 17:02:21.500").wait_for()
            path.write_text(text.replace('"recent_shows":', '"recent_shows":"many","was":'))  # its head can be read
            choose(page, "07-12-2023 17:01:21")
            page.locator(".banner").get_by_text(f"report_{damaged.run}.json").wait_for()
            page.locator(".figure").first.wait_for(state="hidden")
            assert page.get_by_text("Started 07-12-2023").count() == 0
            path.write_text(text)
            page.get_by_text("Started 07-12-2023 17:01:21.500").wait_for()
            page.locator(".banner").first.wait_for(state="hidden")
            assert figure(page, "Events") == f"{damaged.events}"
        assert "Traceback" not in ended(process)


def test_no_older_run_stands_for_a_newest_one_that_cannot_be_read(tmp_path: Path, browser: Browser) -> None:
    record(tmp_path, EVENTS)
    newest = record(tmp_path, EVENTS, started_us=START_US + MINUTE_US)
    path = tmp_path / "report" / f"report_{newest.run}.json"
    text = path.read_text()
    path.write_text(text[:100])
    with serving(tmp_path) as (process, client):
        with opened(browser, client) as page:
            page.locator(".pill", has_text="The newest report cannot be read").wait_for()
            page.locator(".banner").get_by_text(f"report_{newest.run}.json").wait_for()
            page.get_by_role("heading", name="Report of an earlier run").wait_for()
            page.get_by_text("Started 07-12-2023 17:01:21.500").wait_for()  # the newest that can be read
            path.write_text(text)
            page.locator(".pill", has_text="The last run read all streams").wait_for()
            page.locator(".banner").first.wait_for(state="hidden")
            page.get_by_text("Started 07-12-2023 17:02:21.500").wait_for()
        assert "Traceback" not in ended(process)


def test_the_newest_run_is_followed_until_another_one_is_chosen(tmp_path: Path, browser: Browser) -> None:
    record(tmp_path, EVENTS)
    with serving(tmp_path) as (process, client):
        with opened(browser, client) as page:
            page.get_by_text("Started 07-12-2023 17:01:21.500").wait_for()
            record(tmp_path, EVENTS, started_us=START_US + MINUTE_US)
            page.get_by_text("Started 07-12-2023 17:02:21.500").wait_for()
            choose(page, "07-12-2023 17:01:21")
            page.get_by_text("Started 07-12-2023 17:01:21.500").wait_for()
            record(tmp_path, EVENTS, started_us=START_US + 2 * MINUTE_US)
            page.get_by_label("run", exact=True).click()
            wait_until(lambda: page.get_by_role("option").count() == 3, "the new run is a choice")
            page.keyboard.press("Escape")
            assert page.get_by_text("Started 07-12-2023 17:01:21.500").is_visible()
        ended(process)


def test_the_form_shows_the_rule_of_the_run_that_goes_on_and_then_what_was_entered(
    serve_streams: Serve, tmp_path: Path, browser: Browser
) -> None:
    with serving(tmp_path, streams=serve_streams(**FAST)) as (process, client):
        with opened(browser, client) as page:
            page.get_by_label("seconds").fill("7")
            location = start(client, seconds=600, name="Nobody", times=12)
            page.get_by_text("Nobody seen 0 of 12").wait_for()
            fields = [page.get_by_label(label, exact=True) for label in ("seconds", "name", "times")]
            wait_until(lambda: [field.input_value() for field in fields] == ["600", "Nobody", "12"], "its rule")
            assert all(field.is_disabled() for field in fields)
            client.post(f"{location}/stop")
            wait_until(lambda: [field.input_value() for field in fields] == ["7", "Sytac", "3"], "what was entered")
            assert all(field.is_enabled() for field in fields)
        ended(process)


def test_an_error_of_the_form_goes_as_soon_as_something_changes(tmp_path: Path, browser: Browser) -> None:
    with serving(tmp_path) as (process, client):
        with opened(browser, client) as page:
            begin(page, "90000")
            page.get_by_text("seconds: Input should be").wait_for()
            page.get_by_label("seconds").fill("3")
            page.get_by_text("seconds: Input should be").wait_for(state="hidden")
            with lock_folder(Folders(tmp_path)):
                page.get_by_role("button", name="Start").click()
                page.get_by_text("another harvest runs").wait_for()
            record(tmp_path, EVENTS)  # it ends with a report
            page.get_by_text("another harvest runs").wait_for(state="hidden")
        ended(process)


def test_users_are_sorted_by_keyboard_and_their_ids_are_exact(tmp_path: Path, browser: Browser) -> None:
    sent = [
        Sent("sytazon", f"{user}", "show-liked", message(user, "s1", "17:01:22.000"))
        for user in (2**63 - 1, 2**63 - 2, 10, 9)
    ]
    record(tmp_path, sent)
    with serving(tmp_path) as (process, client):
        with opened(browser, client) as page:
            page.locator(".users .more").first.wait_for()
            assert [row[0] for row in rows(page, "users")] == ["9", "10", f"{2**63 - 2}", f"{2**63 - 1}"]
            header = page.locator(".users").get_by_role("columnheader", name="Id")
            assert header.get_attribute("aria-sort") == "ascending"
            page.get_by_label("id or name").focus()
            wait_until(lambda: bool(tab(page)) and page.locator(".sort:focus").count() == 1, "a header has the focus")
            page.keyboard.press("Enter")
            wait_until(lambda: rows(page, "users")[0][0] == f"{2**63 - 1}", "the highest id comes first")
            assert header.get_attribute("aria-sort") == "descending"
            assert page.locator(".users").get_by_text(re.compile(" of ")).count() == 0  # one page only
            page.get_by_role("button", name="Start").focus()
            page.keyboard.press("Tab")
            page.keyboard.press("Shift+Tab")
            assert page.evaluate("getComputedStyle(document.activeElement).outline").endswith("solid 3px")
        ended(process)


@pytest.mark.parametrize("width", [390, 1280])
def test_long_texts_and_many_reasons_hide_no_column(tmp_path: Path, browser: Browser, width: int) -> None:
    events = [
        Sent(
            stream,
            f"{stream}{user}",
            "stream-started",
            message(user, f"s{user}", "17:01:22.000", **LONG, platform=name),
        )
        for stream, name in (("sytflix", "Sytflix"), ("sytazon", "P" * 60))
        for user in range(12)
    ]
    record(tmp_path, [*events, *(Malformed("sytflix", line) for line in MALFORMED for _ in range(1_200))])
    with serving(tmp_path) as (process, client):
        with opened(browser, client, viewport={"width": width, "height": 900}) as page:
            page.locator(".users .more").first.wait_for()
            page.locator(".chart svg").nth(1).wait_for()
            malformed = page.locator(".figure.bad").inner_text()
            assert "99.8%" in malformed
            assert "very high" in malformed
            inner = "[...document.querySelectorAll('.q-table__middle')].map(at => at.scrollWidth - at.clientWidth)"
            assert max(page.evaluate(inner)) <= 0
            assert page.evaluate("document.documentElement.scrollHeight") < 6_000
            assert page.locator(".shows td.title").first.get_attribute("title") == "T" * 1_000 + "…"
            assert min(page.evaluate(WIDEST)) > width / 10
            page.locator(".chart").nth(1).hover()
            wait_until(lambda: "C" * 60 in "".join(page.evaluate(TOOLTIPS)), "the tooltip has the whole name")
        ended(process)


def test_it_fits_a_phone_and_its_controls_are_large_enough(tmp_path: Path, browser: Browser) -> None:
    record(tmp_path, EVENTS)
    with serving(tmp_path) as (process, client):
        with opened(browser, client, viewport={"width": 390, "height": 844}, has_touch=True) as page:
            page.locator(".streams .entry").first.wait_for()
            page.locator(".users .more").first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            heights = "[...document.querySelectorAll('#app button:not(.q-table__bottom *)')]"
            heights += ".filter(at => at.offsetParent).map(at => at.getBoundingClientRect().height)"
            assert min(page.evaluate(heights)) >= 44
            small = (
                "[...document.querySelectorAll('#app *')].filter(at => parseFloat(getComputedStyle(at).fontSize) < 11)"
            )
            assert page.evaluate(f"{small}.map(at => at.outerHTML)") == []
        ended(process)


def take_picture(page: Page, path: Path) -> None:
    """Take a picture while a run goes, after the mouse was on a chart."""
    page.locator(".users .more").first.wait_for()
    page.locator(".chart svg").nth(1).wait_for()
    wait_until(lambda: number(tile(page, "Sysney")) > 0, "it counts")
    page.locator(".chart").first.hover()
    wait_until(lambda: "started" in "".join(page.evaluate(TOOLTIPS)), "the chart explains itself")
    page.mouse.move(5, 5)
    wait_until(lambda: page.evaluate(TOOLTIPS) == [], "it stops")
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path)
    assert 20_000 < path.stat().st_size < 400_000


def test_pictures_are_taken(tmp_path: Path, browser: Browser, pytestconfig: pytest.Config) -> None:
    folder = Path(pytestconfig.getoption("pictures") or tmp_path)
    sizes = {"wide": {"width": 1280, "height": 1500}, "narrow": {"width": 390, "height": 1500}}
    with (
        local_streams(seed=4, gap_s=(0.05, 0.3), malformed=0.04) as streams,
        serving(tmp_path / "data", streams=streams) as (process, client),
    ):
        run_ended(client, start(client, seconds=6, name="nobody"))
        location = start(client, seconds=600, name="Sytac", times=1_000)
        for name, size, scheme in (("light", "wide", "light"), ("dark", "wide", "dark"), ("phone", "narrow", "light")):
            with opened(browser, client, viewport=sizes[size], color_scheme=scheme) as page:
                take_picture(page, folder / f"harvest-{name}.png")
        client.post(f"{location}/stop")
        run_ended(client, location)
        ended(process)
