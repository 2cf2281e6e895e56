"""Partitions, open windows and dead letters of the page, in a real Chromium, on real Kafka."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from subprocess import Popen
from typing import NamedTuple

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from playwright.sync_api import Browser, Locator, Page, expect

from metrics.frames.web.frame_text import SHOWN_CHARACTERS
from tests.frames.web.browsing import opened
from tests.kafka.application import STARTED, TIMEOUT_S, Application, frame, wait_until

pytestmark = pytest.mark.slow

T = 1468244340  # 2016-07-11T13:39:00Z
PARTITIONS = 23
LATE = 25
LARGE = json.dumps({"uid": "1f", "sent": ["x" * 99] * 8_000}).encode()  # 825,000 bytes
BROKEN = {
    "script": b"<script>document.title = 'run by a frame'</script>",
    "image": b'{"ts": "<img src=x onerror=alert(1)>", "uid": "0ab1"}',
    "bytes": b"\xff\x00<b>bold</b>",
    "large": LARGE,
}
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


class Served(NamedTuple):
    """A group of 23 partitions, its job that runs, and the address of its page."""

    application: Application
    address: str


def serve(application: Application, closing: ExitStack) -> str:
    """Start `serve` for the tests of this file, and return where its page of frames is."""
    server = start(application, closing, "serve", "--port", "0")
    assert server.stdout is not None
    address = re.search(r"http://[0-9.]+:[0-9]+/", server.stdout.readline())
    assert address is not None
    return f"{address[0]}frames"


def start(application: Application, closing: ExitStack, *arguments: str) -> Popen[str]:
    """Start a command that outlives a test, but not this file's."""
    process = application.start(*arguments)
    STARTED.remove(process)
    closing.callback(lambda: print(*arguments, *process.communicate(), sep="\n"))  # seen where a test fails
    closing.callback(process.kill)
    return process


@pytest.fixture(scope="module")
def served(bootstrap_servers: str) -> Iterator[Served]:
    with counted(bootstrap_servers) as served:
        yield served


@contextmanager
def counted(bootstrap_servers: str) -> Iterator[Served]:
    """Serve frames of 100 s, late and broken ones, counted by a job that runs; 8 s is too long for open seconds."""
    application = Application(bootstrap_servers, {"LATENESS_S": "1", "IDLE_S": "4"})
    with ExitStack() as closing:
        application.create_topics(PARTITIONS)
        application.send(frame(ts, "1f") for ts in range(T, T + 100))
        application.run("--until-end")
        application.send(frame(T + 1, f"{number}") for number in range(LATE))
        application.send(BROKEN.values(), partition=1)
        start(application, closing)
        wait_until(lambda: len(application.read("rejected")) == LATE + len(BROKEN), "all dead letters are there")
        yield Served(application, serve(application, closing))


@pytest.fixture(scope="module")
def page_address(served: Served) -> str:
    return served.address


def entry(page: Page, beginning: str) -> Locator:
    """Return the dead letter whose frame begins with a text, on the page that is shown."""
    return page.locator(".rejected .entry:visible", has=page.locator("code", has_text=beginning))


def choose(page: Page, reason: str) -> None:
    """Choose the dead letters with a reason, and wait until the others are gone from the page."""
    button = page.get_by_role("button", name=re.compile(f"^{reason} "))
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    others = page.locator(".rejected .entry:visible b").filter(has_not_text=re.compile(f"^{reason}$"))
    expect(others).to_have_count(0)


def unfold(page: Page, reason: str, beginning: str) -> Locator:
    """Unfold a dead letter, and return its whole frame once it was read."""
    choose(page, reason)
    entry(page, beginning).locator(".more").click()
    whole = page.locator(".whole", has=page.locator("pre:visible"))
    whole.wait_for()
    return whole


def test_a_dead_letter_unfolds_to_its_whole_frame_which_is_text(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address) as page:
        whole = unfold(page, "not_json", "<script>")
        assert whole.locator("pre").inner_text() == BROKEN["script"].decode()
        assert whole.locator("p").first.inner_text() == "Text that is not JSON: 50 bytes."
        whole = unfold(page, "wrong_ts", '{"ts": "<img')
        assert whole.locator("pre").inner_text() == '{\n  "ts": "<img src=x onerror=alert(1)>",\n  "uid": "0ab1"\n}'
        assert whole.locator(".command").inner_text() == "python app.py rejected replay --reason wrong_ts"
        whole = unfold(page, "not_json", "\ufffd")
        assert whole.locator("pre").inner_text().rstrip() == (
            "00000000  ff 00 3c 62 3e 62 6f 6c 64 3c 2f 62 3e           ..<b>bold</b>"
        )
        assert (
            page.evaluate("document.querySelectorAll('.rejected img, .rejected script, .rejected pre *').length") == 0
        )
        assert page.locator("pre").count() == 1  # the others were folded, and are no longer in the browser


def test_a_frame_of_a_megabyte_says_that_it_is_cut_and_is_copied_whole(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address, **CLIPBOARD) as page:
        whole = unfold(page, "no_ts", '{"uid": "1f"')
        assert "Cut: only the first 262,144 characters are shown" in whole.locator("p").first.inner_text()
        assert len(page.evaluate("document.querySelector('pre').textContent")) == SHOWN_CHARACTERS
        whole.get_by_role("button", name="Copy frame").click()
        whole.get_by_text("Copied.").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == LARGE.decode()


def test_without_a_clipboard_api_a_frame_is_copied_all_the_same(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address, **CLIPBOARD) as page:
        page.evaluate("navigator.clipboard.writeText = undefined")  # as where another machine opens it without TLS
        whole = unfold(page, "not_json", "<script>")
        whole.get_by_role("button", name="Copy frame").click()
        whole.get_by_text("Copied.").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == BROKEN["script"].decode()


def test_dead_letters_are_filtered_by_the_reasons_that_there_are_and_turned(
    page_address: str, browser: Browser
) -> None:
    with opened(browser, page_address) as page:
        reasons = page.get_by_role("group", name="Reason").get_by_role("button")
        choose(page, "late")
        assert sorted(reasons.all_inner_texts()) == ["all 29", "late 25", "no_ts 1", "not_json 2", "wrong_ts 1"]
        letters = page.locator(".rejected .entry:visible")
        expect(letters).to_have_count(10)
        places = letters.locator(".place").all_inner_texts()
        for shown, count in (("11-20 of 25", 10), ("21-25 of 25", 5)):
            page.get_by_role("button", name="Next page").last.click()
            page.get_by_text(shown).wait_for()
            expect(letters).to_have_count(count)
            places += letters.locator(".place").all_inner_texts()
        topic = re.compile(r".*-frames/0 offset \d+")
        assert all(topic.fullmatch(place) for place in places)
        assert len({*places}) == 25
        assert {*letters.locator("b").all_inner_texts()} == {"late"}


def test_the_list_stands_still_while_a_frame_is_unfolded(served: Served, browser: Browser) -> None:
    with opened(browser, served.address) as page:
        unfold(page, "not_json", "<script>")
        served.application.send([b"a newer one"], partition=1)
        page.get_by_role("button", name="Show 1 newer").wait_for()
        assert page.locator("pre").inner_text() == BROKEN["script"].decode()
        page.get_by_role("button", name="Show 1 newer").click()
        entry(page, "a newer one").wait_for()
        assert page.locator("pre").count() == 0
        entry(page, "<script>").locator("code").hover()
        before = entry(page, "<script>").bounding_box()
        served.application.send([b"the newest one"], partition=1)
        page.get_by_role("button", name="Show 1 newer").wait_for()
        assert entry(page, "<script>").bounding_box() == before
        page.mouse.move(1, 1)
        entry(page, "the newest one").wait_for()


def test_partitions_are_sorted_by_each_column_and_turned_by_keyboard(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address) as page:
        table = page.locator(".partitions")
        numbers = table.locator("td.partition")
        expect(numbers).to_have_text([f"{number}" for number in range(20)])
        position = table.get_by_role("button", name="Position")
        position.focus()
        for order, first in (("ascending", "2"), ("descending", "0")):
            page.keyboard.press("Enter")
            expect(table.locator(f"th[aria-sort={order}]")).to_have_text(re.compile("^Position"))
            expect(numbers.first).to_have_text(first)
            expect(position).to_be_focused()
        expect(table.get_by_role("cell", name="idle", exact=True).first).to_be_visible()
        assert table.locator("td.position").first.evaluate("at => getComputedStyle(at).textAlign") == "right"
        turn = page.locator(".turn:visible", has_text="1-20 of 23")
        turn.get_by_role("button", name="Next page").focus()
        page.keyboard.press("Enter")
        expect(numbers).to_have_count(3)


def test_partitions_and_dead_letters_fit_a_phone(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        unfold(page, "not_json", "\ufffd")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        wide = "[...document.querySelectorAll('.partitions, .rejected *')].filter(at => at.scrollWidth > 390)"
        assert page.evaluate(f"{wide}.filter(at => at.tagName !== 'CODE').map(at => at.outerHTML.slice(0, 99))") == []
        for column, is_visible in (("Partition", True), ("Position", False), ("Lag", True), ("State", True)):
            expect(page.get_by_role("columnheader", name=column, exact=True)).to_be_visible(visible=is_visible)
        buttons = "[...document.querySelectorAll('button')].filter(at => at.checkVisibility())"
        assert min(page.evaluate(f"{buttons}.map(at => at.getBoundingClientRect().height)")) >= 44


def test_open_windows_unfold_by_keyboard_and_by_themselves_if_kept_open_for_too_long(
    served: Served, browser: Browser
) -> None:
    application = served.application
    with opened(browser, served.address) as page:
        fold = page.get_by_role("button", name="Open windows")
        for is_expanded in ("true", "false"):
            fold.focus()
            page.keyboard.press("Enter")
            expect(fold).to_have_attribute("aria-expanded", is_expanded)
        users = "abc"  # whose frames prove that event time has moved
        producer = application.producer_in_transactions()
        application.send((frame(T + 176, user) for user in users), partition=1)
        producer.begin_transaction()
        producer.produce(application.topic("frames"), frame(T + 177, "a"), partition=1)
        producer.flush(TIMEOUT_S)
        application.send(frame(T + 179, user) for user in users)
        expect(fold).to_have_attribute("aria-expanded", "true", timeout=TIMEOUT_S * 1000)
        summary = page.locator(".why .wrong").inner_text()
        assert "partition 1 keeps them open (a producer's transaction is open)" in summary
        assert summary.endswith("That is longer than LATENESS_S + IDLE_S (5 s).")
        page.get_by_text(re.compile("^Why is the second .* open")).wait_for()
        fold.click()
        expect(fold).to_have_attribute("aria-expanded", "false")
        producer.commit_transaction(TIMEOUT_S)
        page.locator(".why .quiet", has_text="None: every frame").wait_for(timeout=TIMEOUT_S * 1000)
        expect(fold).to_have_attribute("aria-expanded", "false")


def test_before_the_first_run_the_page_says_how_to_begin(bootstrap_servers: str, browser: Browser) -> None:
    application = Application(bootstrap_servers)
    application.create_topics()
    with ExitStack() as closing, opened(browser, serve(application, closing)) as page:
        page.locator(".empty").get_by_text(f"No job has run for the group {application.name}.").wait_for()
        assert page.locator(".empty .command").last.inner_text() == "python app.py --verbose # counts them"
        page.get_by_text(re.compile(r"^No job has counted \S+ for group \S+ yet. Start it:$")).wait_for()
        assert page.locator(".card", has_text="No job has counted").locator(".command").inner_text() == "python app.py"
        page.get_by_text("None: no job has counted yet. Start it: python app.py").wait_for()
        page.get_by_text(re.compile("^None. Frames that cannot be counted come here")).wait_for()
        expect(page.get_by_role("group", name="Reason")).to_be_hidden()


def test_a_frame_that_is_gone_from_the_topic_says_so(bootstrap_servers: str, browser: Browser) -> None:
    with counted(bootstrap_servers) as served, opened(browser, served.address) as page:
        application = served.application
        topic = application.topic("rejected")
        choose(page, "wrong_ts")
        admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
        partitions = admin.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions
        deleted = admin.delete_records([TopicPartition(topic, number, -1) for number in partitions])
        for future in deleted.values():
            future.result(TIMEOUT_S)
        entry(page, '{"ts": "<img').locator(".more").click()
        page.locator(".whole .wrong", has_text="is gone: its retention time is over").wait_for()
