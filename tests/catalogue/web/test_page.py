"""The page of the catalogue in a real Chromium, over a real database."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page

from metrics.catalogue.generate import files
from metrics.postgres import local_server
from metrics.postgres.connect import connect
from tests.catalogue.web.serving import create_tables
from tests.catalogue.web.test_serve import HEAT, ended, serving
from tests.kafka.application import PROJECT

pytestmark = pytest.mark.slow

SESSIONS = [
    {
        "user_email": f"{user}@b.c",
        "movie_title": "Heat",
        "start_at": "2021-12-25T07:00:00+01:00",
        "end_at": f"2021-12-25T0{8 + number}:00:00+01:00",
        "size_mb": 1_000 * (1 + number),
    }
    for number, user in enumerate(("a", "d"))
]
BROKEN = {"title": "<img src=x onerror=alert(1)>", "duration_mins": -1}


@contextmanager
def opened(browser: Browser, address: str, **how: Any) -> Iterator[Page]:
    """Open the page; at its end, see that it asked no other host for anything, and that nothing went wrong in it."""
    wrong: list[str] = []
    context = browser.new_context(**how)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("request", lambda request: None if request.url.startswith(address) else wrong.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"{error}"))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.goto(f"{address}/catalogue")
    page.wait_for_function("window.did_handshake")
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def client(database_url: str) -> Iterator[httpx.Client]:
    """Serve a catalogue whose tables are empty, as its user does."""
    create_tables(database_url)
    with serving(DATABASE_URL=database_url) as (process, client):
        yield client
        assert ended(process) == ""


def address(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def question(page: Page, words: str) -> Locator:
    return page.locator(".question", has_text=words)


def post(client: httpx.Client, model: str, *records: Any, **parameters: str) -> None:
    assert client.post(f"/catalogue/{model}", json=records, params=parameters).status_code in {201, 422}


def test_a_new_load_and_its_answers_appear_by_themselves(client: httpx.Client, browser: Browser) -> None:
    with opened(browser, address(client)) as page:
        page.get_by_text("No loads yet.").wait_for()
        commands = page.locator(".command").all_inner_texts()
        assert [command.partition(" catalogue ")[2] for command in commands] == [
            "generate data/catalogue",
            "load --model movie --config data/catalogue/internal/movies.csv",
        ]
        page.get_by_text("No rejected records.").wait_for()
        question(page, "Mean length").get_by_text("none").wait_for()
        post(client, "movie", HEAT)
        post(client, "stream", *SESSIONS)
        page.get_by_text("done").nth(1).wait_for()
        question(page, "Mean length").get_by_text("5,400.0 s").wait_for()
        question(page, "Mean length").get_by_text("mean session: 1 h 30 min").wait_for()
        question(page, "Median size").get_by_text("1.500 GB").wait_for()
        question(page, "Share of streamed").get_by_text("0.00%").wait_for()
        cells = page.locator(".loads tbody tr").first.locator("td").all_inner_texts()
        assert [cells[0], cells[2], cells[4:11]] == ["2", "stream", ["2", "2", "0", "0", "0", "0", "0"]]
        assert "done" in cells[3]


def test_a_question_is_asked_with_other_values(client: httpx.Client, browser: Browser) -> None:
    post(client, "movie", HEAT)
    post(client, "stream", *SESSIONS)
    with opened(browser, address(client)) as page:
        outage = question(page, "during an outage")
        values = outage.locator(".values")
        values.get_by_text("0", exact=True).wait_for()
        outage.get_by_label("movie").fill("heat")
        outage.get_by_role("button", name="Ask").click()
        values.get_by_text("2", exact=True).wait_for()
        outage.get_by_label("from").fill("2021-12-25T08:30:00")
        outage.get_by_label("time zone").fill("Europe/Berlin")
        outage.get_by_label("time zone").press("Enter")
        values.get_by_text("1", exact=True).wait_for()
        outage.get_by_label("from").fill("soon")
        outage.get_by_role("button", name="Ask").click()
        values.get_by_text(re.compile('a parameter cannot be read: .*"soon"')).wait_for()
        outage.get_by_text("How it counts").click()
        outage.get_by_text("count(DISTINCT lower(user_email))").wait_for()


def test_rejected_records_are_shown_as_text_with_the_command_that_tries_them_again(
    client: httpx.Client, browser: Browser
) -> None:
    post(client, "movie", HEAT)
    post(client, "movie", BROKEN)
    with opened(browser, address(client)) as page:
        page.locator(".rejected").get_by_text("duration_mins must be a whole number").wait_for()
        page.get_by_text(json.dumps(BROKEN, separators=(",", ":"))).wait_for()
        [command] = page.locator(".command").all_inner_texts()
        assert command.endswith("catalogue load --model movie --rejected-of 2")
        assert page.locator(".rejected img").count() == 0
        page.get_by_text("1 of 1 record is wrong, so nothing was loaded").wait_for()
        assert page.locator(".badge.failed").inner_text().endswith("failed")


def test_a_hidden_page_asks_the_database_for_nothing(client: httpx.Client, browser: Browser, database_url: str) -> None:
    with opened(browser, address(client)) as page, closing(connect(database_url)) as watching:
        page.get_by_text("No loads yet.").wait_for()
        hide = "at => {Object.defineProperty(document, 'hidden', {configurable: true, get: () => at});"
        hide += "document.dispatchEvent(new Event('visibilitychange'))}"

        def sessions() -> int:
            query = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
            watching.execute("SELECT pg_stat_clear_snapshot()")
            [number] = watching.execute(query).fetchone() or (0,)
            return int(number)

        page.evaluate(hide, arg=True)
        time.sleep(3)  # a look that had begun
        before = sessions()
        time.sleep(6)
        assert sessions() == before
        page.evaluate(hide, arg=False)
        post(client, "movie", HEAT)
        page.locator(".loads").get_by_text("done").wait_for()


def test_without_a_database_it_says_what_to_do_and_recovers(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "database"
    variables = {"DATABASE_URL": "", "LOCAL_DATABASE_DIR": str(folder)}
    with serving(**variables) as (process, client), opened(browser, address(client)) as page:
        page.locator(".banner").get_by_text("create one: python app.py catalogue init-db").wait_for()
        page.locator(".pill.idle").get_by_text("Not set up").wait_for()
        with local_server.shared(folder, print) as url:
            create_tables(url)
        page.locator(".banner").wait_for(state="hidden")
        page.get_by_text("No loads yet.").wait_for()
        page.locator(".pill").get_by_text("Nothing loaded yet").wait_for()
        page.close()
        ended(process)


def test_it_fits_a_phone_and_its_controls_are_large_enough(client: httpx.Client, browser: Browser) -> None:
    post(client, "movie", HEAT, BROKEN, max_rejected="1")
    with opened(browser, address(client), viewport={"width": 390, "height": 844}, has_touch=True) as page:
        page.locator(".loads .entry").wait_for()
        page.locator(".rejected .entry").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shown = "[...document.querySelectorAll('button, summary')].filter(at => at.checkVisibility())"
        heights = f"{shown}.map(at => at.getBoundingClientRect().height)"
        assert min(page.evaluate(heights)) >= 44
        small = "[...document.querySelectorAll('#app *')].filter(at => parseFloat(getComputedStyle(at).fontSize) < 12)"
        assert page.evaluate(f"{small}.map(at => at.outerHTML)") == []


def load_generated(database_url: str, folder: Path) -> None:
    """Load the six generated files, as docs/catalogue.md does."""
    files.write(folder / "data/catalogue", scale=1, seed=0, move=lambda _: None)
    answers = json.loads((folder / "data/catalogue/answers.json").read_text(encoding="utf-8"))
    for model, expected in answers["loads"].items():
        arguments = ["load", "--model", model, "--config", f"data/catalogue/{expected['file']}"]
        command = [sys.executable, PROJECT / "app.py", "catalogue", *arguments]
        subprocess.run(command, cwd=folder, env=os.environ | {"DATABASE_URL": database_url}, check=True)


def test_pictures_are_taken(
    client: httpx.Client, browser: Browser, database_url: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    load_generated(database_url, tmp_path)
    folder = Path(pytestconfig.getoption("pictures") or tmp_path)
    wide, narrow = {"width": 1280, "height": 1840}, {"width": 390, "height": 1840}
    for name, viewport, scheme in (("light", wide, "light"), ("dark", wide, "dark"), ("phone", narrow, "light")):
        with opened(browser, address(client), viewport=viewport, color_scheme=scheme) as page:
            page.locator(".rejected").get_by_text("no movie has a title").first.wait_for()
            for answered in page.locator(".question").all():
                answered.locator(".meaning").first.wait_for()
            page.screenshot(path=folder / f"catalogue-{name}.png")
        assert 20_000 < (folder / f"catalogue-{name}.png").stat().st_size < 400_000


def test_alone_it_links_to_no_page_of_another_system_and_its_root_leads_to_it(
    client: httpx.Client, browser: Browser
) -> None:
    assert client.get("/").headers["Location"] == "/catalogue"
    with opened(browser, address(client)) as page:
        page.get_by_text("No loads yet.").wait_for()
        assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Catalogue", "API"]
