"""The page in a real Chromium, on a real broker of its own, while frames come in as they happen."""

import io
import math
import random
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page

from metrics.frames.producer import generator
from metrics.frames.sizes import SIZES
from metrics.kafka import local_broker
from metrics.time.moments import rfc3339
from tests.frames.job.test_broker_outages import java_of
from tests.frames.web.browsing import delays_after_commits, opened
from tests.kafka.application import STARTED, Application, frame, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.slow]

HOURS = 4
RATE = 6
BROKEN = (
    b"<script>document.title = 'run by a frame'</script>",
    b'{"ts": "<img src=x onerror=alert(1)>", "uid": "0ab1"}',
    b'{"uid": "1f00", "sent": true}',
    b'{"ts": 1468244384123, "uid": "3c"}',
    b'{"ts": 146824',
)


# How many charts show a tooltip; ECharts hides a tooltip rather than removing it.
TOOLTIPS = """[...document.querySelectorAll('.chart')].filter(chart => [...chart.children].some(
    at => at.innerText.includes('average so far ') && getComputedStyle(at).display !== 'none')).length"""


class Stack:
    """Broker, main job, feed and `serve`, as their user runs them; each can be ended and started again."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self._folder = folder
        self._closing = closing
        self._broker = closing.enter_context(ExitStack())
        self.job: Popen[str]
        self.server: Popen[str]
        self.application = Application(self.start_broker(), name="live")

    def start_broker(self) -> str:
        return self._broker.enter_context(local_broker.running(self._folder / "broker", print))

    def kill_broker(self) -> None:
        for java in java_of(self._folder / "broker"):
            java.kill()
        self._broker.close()

    def start(self, *arguments: str | Path) -> Popen[str]:
        """Start a command that outlives a test, but not this file's."""
        process = self.application.start(*arguments)
        STARTED.remove(process)
        self._closing.callback(lambda: print(*arguments, *process.communicate(), sep="\n"))  # seen where a test fails
        self._closing.callback(process.kill)
        return process

    def serve(self, port: str = "0") -> str:
        """Start `serve`, and return where it is."""
        self.server = self.start("serve", "--port", port)
        assert self.server.stdout is not None
        address = re.search(r"http://[0-9.]+:[0-9]+/", self.server.stdout.readline())
        assert address is not None
        return address[0]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Four hours of history with a gap in them, counted; then frames that happen now."""
    folder = tmp_path_factory.mktemp("page")
    with ExitStack() as closing:
        stack = Stack(folder, closing)
        application = stack.application
        application.create_topics(2)
        halves: tuple[list[bytes], list[bytes]] = ([], [])
        for number, one in enumerate(history(int(time.time()))):
            halves[number % 2].append(one)
        for partition, frames in enumerate(halves):
            application.send(frames, partition)
        stack.job = stack.start()
        live = folder / "live.jsonl"
        live.write_bytes(b"".join(one + b"\n" for one in live_frames()))
        stack.start("feed", live, "--now", "--realtime")
        wait_until(lambda: application.committed_windows("minutes") > 150, "history is counted")
        yield stack


@pytest.fixture(scope="module")
def page_address(stack: Stack) -> str:
    return f"{stack.serve()}frames"


def history(now: int) -> Iterator[bytes]:
    """Yield small frames of the last hours, more and fewer as a day has them, with 65 minutes without any."""
    draw = random.Random(7)
    for second in range(now - HOURS * 3600, now):
        if not 85 <= (now - second) / 60 < 150:
            wave = 1 + 0.4 * math.sin(second / 1_500) + draw.uniform(-0.5, 0.5)
            for _ in range(round(RATE * wave)):
                yield frame(second, f"{draw.randrange(400):x}")


def live_frames() -> Iterator[bytes]:
    """Yield generated frames with disorder, of which some are late, and broken ones among them."""
    frames = generator.frames(count=RATE * 300, rate=RATE, users=400, delay_s=9, delay_probability=0.02, seed=3)
    for number, one in enumerate(frames):
        yield one
        if number % 60 == 10:
            yield BROKEN[number // 60 % len(BROKEN)]


def card(page: Page, name: str) -> tuple[str, str]:
    """Return the number and the meaning of a figure, of the same moment."""
    number, meaning = page.evaluate(
        """name => {
            const heading = [...document.querySelectorAll('.figure h3')].find(at => at.innerText === name);
            return ['.number', '.meaning'].map(at => heading.closest('.figure').querySelector(at).innerText);
        }""",
        name,
    )
    return number, meaning


def chart_rows(page: Page, number: int) -> list[list[int | None]]:
    """Return the rows that a chart has in the browser."""
    source = "at => getElement(document.querySelectorAll('.chart')[at]).chart.getOption().dataset[0].source"
    return list(page.evaluate(source, number))


def axis_of(page: Page, number: int) -> tuple[int, int]:
    """Return the range of a chart, in ms."""
    axis = "at => getElement(document.querySelectorAll('.chart')[at]).chart.getOption().xAxis[0]"
    page.wait_for_function(f"at => ({axis})(at).max", arg=number)
    begin, end = page.evaluate(f"at => {{ const axis = ({axis})(at); return [axis.min, axis.max]; }}", number)
    return begin, end


def axes_of(page: Page) -> list[tuple[int, int]]:
    return [axis_of(page, number) for number in range(2)]


def wait_for_change(page: Page, name: str) -> None:
    before = card(page, name)
    wait_until(lambda: card(page, name) != before, f"{name} changes")


def test_the_figures_change_and_match_the_topics(stack: Stack, page_address: str, browser: Browser) -> None:
    with opened(browser, f"{page_address}?range=5m") as page:
        seen = []
        for _ in range(3):
            wait_for_change(page, "Frames per second")
            seen.append(card(page, "Frames per second"))
        users = card(page, "Unique users per minute")
        rows = [chart_rows(page, at) for at in range(len(SIZES))]
        assert card(page, "Lag")[0] == "0"
        share, of = card(page, "Rejected")
        assert re.fullmatch(r"<?\d+\.\d%", share)
        assert re.match(r"[\d,]+ of [\d,]+ frames in \d+ (s|min)", of)
        page.locator(".pill").get_by_text(re.compile(r"^Running, seen \d+ s ago")).wait_for()
    frames_at = {start: frames for start, frames, _, _ in stack.application.seconds()}
    users_at = {start: users for start, users, _, _, _ in stack.application.minutes()}
    ends = {rfc3339(start + 1)[11:19]: start + 1 for start in frames_at}
    for number, meaning in seen:
        shown = re.fullmatch(r"mean of 1 min to (\S+); ([\d,]+) in the last second", meaning)
        assert shown is not None, meaning
        end = ends[shown[1]]
        minute = [frames_at[second] for second in range(end - 60, end)]
        assert (number, shown[2]) == (f"{sum(minute) / 60:,.1f}", f"{minute[-1]:,}")
    minute_start = next(start for start in users_at if rfc3339(start)[11:19] == users[1][19:27])
    assert users[0] == f"{users_at[minute_start]:,}"
    assert users[1].split("; ")[1].startswith(f"{users_at[minute_start] - users_at[minute_start - 60]:+,}")
    for shown_rows, published, step_s in zip(rows, (frames_at, users_at), (2, 60), strict=True):
        steps = {row[6] // 1000: (row[1], row[7] // 1000) for row in shown_rows if row[6] and row[7]}
        assert len(steps) >= 300 / max(step_s, 60)
        size_s = 1 if published is frames_at else 60
        for start, (mean, end) in steps.items():
            numbers = [published[at] for at in range(start, end, size_s)]
            assert mean == pytest.approx(sum(numbers) / len(numbers), abs=0.001)


def test_a_range_and_a_zoom_hold_for_both_charts_and_are_in_the_address(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address) as page:
        page.get_by_role("link", name="1 h", exact=True).click()
        page.wait_for_url("**/frames?range=1h")
        ranges = page.get_by_role("group", name="Range of the charts")
        assert ranges.locator("[aria-current]").inner_text() == "1 h"
        page.wait_for_function("document.querySelector('.caption').innerText.includes('means of 30 s')")
        wait_until(
            lambda: all(3_600_000 <= end - begin < 1.15 * 3_600_000 + 60_000 for begin, end in axes_of(page)),
            "both charts show an hour",
        )
        box = page.locator(".chart").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 200, box["y"] + 150)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 150, steps=5)
        page.mouse.up()
        page.wait_for_url("**/frames?range=1h&from=*&to=*")
        begin, end = map(int, re.findall(r"\d{10}", page.url))
        assert 300 < end - begin < 1_500
        wait_until(
            lambda: all(begin * 1000 <= first and last <= end * 1000 for first, last in axes_of(page)),
            "both charts show the zoom",
        )
        assert ranges.locator("[aria-current]").count() == 0
        page.go_back()
        page.wait_for_url("**/frames?range=1h")
        page.go_forward()
        page.get_by_role("link", name="end zoom").click()
        page.wait_for_url("**/frames?range=1h")
        assert not page.get_by_role("link", name="end zoom").is_visible()


def test_keys_zoom_and_move_a_chart_that_has_the_focus(page_address: str, browser: Browser) -> None:
    with opened(browser, f"{page_address}?range=1h") as page:
        page.wait_for_function("document.querySelector('.caption').innerText.includes('means of 30 s')")
        begin_ms, end_ms = axis_of(page, 1)
        length_s = (end_ms - begin_ms) / 1000
        chart = page.get_by_role("img", name="Unique users per minute")
        chart.focus()
        assert "zoom" in page.evaluate("node => getComputedStyle(node, '::after').content", chart.element_handle())
        zooms: list[tuple[int, int]] = []
        for key in ("+", "+", "ArrowLeft", "ArrowRight", "-"):
            before, steps = page.url, page.evaluate("history.length")
            page.keyboard.press(key)
            page.wait_for_function("before => location.href !== before", arg=before)
            assert page.evaluate("history.length") == steps + (not zooms)  # steps after the first one replace it
            begin, end = map(int, re.findall(r"\d{10}", page.url))
            page.wait_for_function(
                """([begin, end]) => {
                    const [{ min, max }] = getElement(document.querySelectorAll('.chart')[1]).chart.getOption().xAxis;
                    return begin * 1000 <= min && max <= end * 1000;
                }""",
                arg=[begin, end],
            )
            zooms.append((begin, end))
        lengths = [(end - begin) / length_s for begin, end in zooms]
        assert lengths[:2] == pytest.approx([0.5, 0.25], abs=0.01)
        assert zooms[1][0] - zooms[2][0] == pytest.approx(length_s / 8, abs=4)
        assert zooms[3] == pytest.approx(zooms[1], abs=2)
        assert lengths[4] == pytest.approx(2 * lengths[3], abs=0.01)
        page.keyboard.press("Escape")
        page.wait_for_url("**/frames?range=1h")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Unique users per minute"


def test_a_new_value_is_on_the_page_within_a_second_of_its_commit(
    stack: Stack, page_address: str, browser: Browser
) -> None:
    with opened(browser, page_address) as page:
        [delays_ms] = delays_after_commits([page], stack.application, 7)
    assert len(delays_ms) >= 5
    assert statistics.median(delays_ms) < 1_000, delays_ms


def test_the_contents_of_a_frame_are_shown_as_text(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address) as page:
        page.wait_for_function("document.querySelectorAll('.rejected code').length > 4")
        for text in ("<script>document.title", "<img src=x onerror=alert(1)>", '{"uid": "1f00", "sent": true}'):
            page.get_by_text(text).first.wait_for()
        assert page.evaluate("document.querySelectorAll('.rejected img, .rejected script').length") == 0
        assert re.fullmatch(r"[\d,]+ frames? · [\d,]+ users?", page.title())


def test_gaps_open_windows_and_the_reasons_are_shown(page_address: str, browser: Browser) -> None:
    with opened(browser, f"{page_address}?range=6h") as page:
        frames, users = page.locator(".chart svg").all()
        frames.get_by_text("open", exact=True).wait_for()
        users.get_by_text("no frames").wait_for()
        users.get_by_text(re.compile("^1 h [456] min$")).wait_for()  # whole minutes of 65
        page.get_by_role("button", name="Open windows").click()
        page.get_by_text(re.compile("^Why is the second .* open")).wait_for()
        page.get_by_text(re.compile("^Waiting for partition .")).first.wait_for()
        for size in SIZES:
            described_by = page.get_by_role("img", name=size.title).get_attribute("aria-describedby")
            assert " Newest: " in page.inner_text(f"#{described_by}")


def test_a_gap_longer_than_the_range_takes_next_to_no_room(page_address: str, browser: Browser) -> None:
    with opened(browser, f"{page_address}?range=all") as page:
        page.locator(".caption").last.get_by_text("last").wait_for()
        assert "not to scale" not in page.locator(".caption").last.inner_text()  # 4 h of data, 65 min without any
    with opened(browser, f"{page_address}?from=-100m&to=-80m") as page:
        page.locator(".caption").last.get_by_text("last").wait_for()
        begin, end = axis_of(page, 1)
        assert end - begin <= 1_200_000


def test_the_page_fits_a_phone_and_its_buttons_are_large_enough(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        page.wait_for_selector(".rejected .entry")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for part in (".figure >> nth=0", ".figure >> nth=1", ".chart >> nth=0"):
            box = page.locator(part).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 844, part  # in the first screen
        shown = "[...document.querySelectorAll('button')].filter(at => at.checkVisibility())"
        sizes = page.evaluate(f"{shown}.map(at => at.getBoundingClientRect().height)")
        assert sizes
        assert min(sizes) >= 44
        small = "[...document.querySelectorAll('#app *')].filter(at => parseFloat(getComputedStyle(at).fontSize) < 13)"
        assert page.evaluate(f"{small}.map(at => at.outerHTML)") == []


def choose_theme(page: Page, name: str) -> None:
    page.get_by_role("button", name="Theme", exact=True).click()
    page.get_by_role("button", name=name, exact=True).click()
    page.locator("#themes").wait_for(state="hidden")


def test_it_follows_the_dark_mode_of_the_system_and_remembers_a_choice(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address, color_scheme="dark") as page:
        colour = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(colour)
        choose_theme(page, "Dark")
        assert page.evaluate(colour) == dark
        choose_theme(page, "Light")
        page.wait_for_function(f"before => {colour} !== before", arg=dark)
        light = page.evaluate(colour)
        assert page.evaluate("document.cookie") == "theme=light"
        page.reload()
        page.wait_for_function(f"light => {colour} === light", arg=light)
        page.get_by_role("button", name="Theme", exact=True).click()
        assert page.get_by_role("button", name="Light").get_attribute("aria-pressed") == "true"
        page.goto(page_address.replace("/frames", "/docs"))
        page.get_by_text("Frames per second").wait_for()
        assert page.evaluate(colour) == light
        choose_theme(page, "System")
        page.wait_for_function(f"dark => {colour} === dark", arg=dark)
        page.get_by_role("link", name="Frames", exact=True).click()
        page.wait_for_function(f"dark => {colour} === dark", arg=dark)
    assert [sum(map(int, re.findall(r"\d+", at)[:3])) > 384 for at in (dark, light)] == [False, True]


def pixels_of(page: Page, chart: Locator, variable: str) -> int:
    """Return how many pixels of a chart have the colour of a variable of the page, but for what edges blend."""
    picture = Image.open(io.BytesIO(chart.screenshot())).convert("RGB")
    colour = page.evaluate("name => getComputedStyle(document.body).getPropertyValue(name)", variable)
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    data = picture.tobytes()
    return sum(
        all(abs(data[at + channel] - wanted[channel]) < 40 for channel in range(3)) for at in range(0, len(data), 3)
    )


def test_a_chart_keeps_its_lines_under_the_pointer_in_each_theme(
    page_address: str, browser: Browser, tmp_path: Path
) -> None:
    """Of an erased line a thirtieth is left, in the legend; a scale that changes between two looks takes a quarter."""
    lines = ("--count", "--average")
    with opened(browser, page_address, color_scheme="light") as page:
        page.add_style_tag(content=".chart > div:last-child { opacity: 0 !important; }")  # the words hide lines
        for theme in ("System", "Dark", "Light"):
            choose_theme(page, theme)
            for chart in page.locator(".chart").all():
                page.mouse.move(1, 1)
                page.wait_for_function(f"{TOOLTIPS} === 0")
                before = {line: pixels_of(page, chart, line) for line in lines}
                assert min(before.values()) > 200, before
                chart.hover(position={"x": 150, "y": 150})
                page.wait_for_function(f"{TOOLTIPS} === 1")
                after = {line: pixels_of(page, chart, line) for line in lines}
                assert all(after[line] > 0.5 * before[line] for line in lines), (theme, before, after)
            page.screenshot(path=tmp_path / f"{theme}.png")


def test_a_tooltip_is_gone_once_the_pointer_has_left_however_often_the_chart_changes(
    page_address: str, browser: Browser
) -> None:
    """Without `hide_tooltip`, about a third of them stayed."""
    change = """setInterval(() => [...document.querySelectorAll('.chart')].forEach(at => {
        const axis = getElement(at).chart.getOption().xAxis[0];
        charts.change(at.id.slice(1), Infinity, [], axis.min, axis.max, [], [], false);
    }), 150)"""
    with opened(browser, page_address) as page:
        page.evaluate(change)
        for number in range(12):
            page.locator(".chart").nth(number % 2).hover(position={"x": 150 + number, "y": 150})
            page.wait_for_function(f"{TOOLTIPS} === 1")
            page.mouse.move(1, 1)
            page.wait_for_function(f"{TOOLTIPS} === 0", timeout=5_000)


def test_texts_of_charts_are_measured_on_a_canvas_that_is_renewed(page_address: str, browser: Browser) -> None:
    with opened(browser, page_address) as page:
        page.wait_for_function("measuring.texts > 0")
        assert page.evaluate(
            """() => {
                const before = measuring.context;
                for (let at = 0; at < 100; at++) measured_text("1", "12px sans-serif");
                return measuring.context !== before;
            }"""
        )


def test_pictures_are_taken(page_address: str, browser: Browser, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    folder = Path(pytestconfig.getoption("pictures") or tmp_path)
    wide, narrow = {"width": 1280, "height": 1440}, {"width": 390, "height": 1500}
    for name, viewport, scheme in (("light", wide, "light"), ("dark", wide, "dark"), ("phone", narrow, "light")):
        with opened(browser, page_address, viewport=viewport, color_scheme=scheme) as page:
            page.wait_for_selector(".rejected code")
            wait_for_change(page, "Frames per second")
            page.screenshot(path=folder / f"page-{name}.png")
        assert 20_000 < (folder / f"page-{name}.png").stat().st_size < 300_000


def test_a_killed_job_and_many_rejected_frames_are_seen_at_once(
    stack: Stack, page_address: str, browser: Browser, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    folder = Path(pytestconfig.getoption("pictures") or tmp_path)
    stack.application.send([b'{"ts": "soon"}'] * 900)
    with ExitStack() as closing, opened(browser, page_address, viewport={"width": 1280, "height": 1100}) as page:
        page.locator(".figure.bad", has_text="Rejected").wait_for()
        stack.job.kill()
        stack.job.wait()
        closing.callback(lambda: setattr(stack, "job", stack.start()))
        stack.application.send([frame(int(time.time()), "a")] * 12_000)
        page.locator(".pill.bad").get_by_text("No sign of life").wait_for(timeout=90_000)
        page.locator(".figure.warning", has_text="Lag").wait_for()
        page.locator(".figure.warning.old", has_text="Frames per second").wait_for(timeout=60_000)
        assert page.inner_text(".pill .words").startswith("No sign of life; frames per second stale; lag high (12,")
        assert "To continue from its last commit, even if it hangs: " in page.inner_text(".banner")
        page.mouse.move(1, 1)
        page.screenshot(path=folder / "page-trouble.png")
        page.set_viewport_size({"width": 390, "height": 844})
        red, chart = (page.locator(part).first.bounding_box() for part in (".figure.bad", ".chart"))
        assert red is not None
        assert chart is not None
        assert red["y"] < chart["y"]
        closing.close()
        page.locator(".pill").get_by_text("Running, seen").wait_for(timeout=60_000)


def test_the_page_reconnects_to_a_restarted_server(stack: Stack, page_address: str, browser: Browser) -> None:
    page = browser.new_page()  # its console rightly reports that nobody answers
    page.goto(page_address)
    page.wait_for_function("window.did_handshake")
    stack.server.kill()
    page.wait_for_selector("#popup[aria-hidden=false]")
    page.locator(".pill").get_by_text("Disconnected").wait_for()
    port = page_address.removesuffix("/frames").rpartition(":")[2]
    assert f"{stack.serve(port)}frames" == page_address
    page.wait_for_selector("#popup[aria-hidden=true]", state="attached")
    page.locator(".pill").get_by_text("Disconnected").wait_for(state="hidden")
    page.wait_for_selector(".number")
    wait_for_change(page, "Frames per second")
    page.close()


def test_an_outage_is_reported_and_numbers_move_again_after_it(
    stack: Stack, page_address: str, browser: Browser
) -> None:
    with opened(browser, page_address) as page:
        page.evaluate("window.isSame = true")
        stack.kill_broker()
        page.wait_for_selector(".banner", timeout=15_000)
        page.locator(".pill.bad").get_by_text("Outage since").wait_for()
        banner = page.inner_text(".banner")
        assert "Not up to date: " in banner
        assert re.search(r"Since \d\d:\d\d:\d\d UTC; last refreshed at \d\d:\d\d:\d\d UTC", banner)
        page.locator(".rejected .more").first.click()
        page.locator(".whole .wrong", has_text="cannot be read: no answer from the broker within 5 s").wait_for()
        stack.start_broker()
        page.wait_for_selector(".banner", state="hidden", timeout=60_000)
        if stack.job.poll() is not None:  # librdkafka 2.16.0 aborts now and then when its broker is killed
            print("the job had ended:", stack.job.returncode)
            stack.job = stack.start()
        wait_for_change(page, "Frames per second")
        assert page.evaluate("window.isSame")  # it was not loaded again
