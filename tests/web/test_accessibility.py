"""The pages of a real `serve` are accessible: by axe-core (of a package), by keyboard alone, without motion."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The pages, and what is on them once they show their data.
PAGES = {
    "/": ".pill.good",
    "/frames": ".rejected .more >> visible=true",
    "/views": ".chosen-media:not(.stale) .chart svg",
    "/harvest": ".chart svg",
    "/catalogue": ".rejected tbody tr",
    "/docs": ".opblock",
}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES: tuple[ViewportSize, ...] = ({"width": 1280, "height": 900}, {"width": 390, "height": 844})
ZOOMED = "/frames?range=5m&from=-4m&to=-1m"
MOST_TABS = 80  # more than the page of frames has places for the focus


@contextmanager
def opened(browser: Browser, address: str, path: str, **how: Any) -> Iterator[Page]:
    """Open a page, and wait until it shows its data."""
    context = browser.new_context(**how)
    page = context.new_page()
    page.goto(f"{address}{path}")
    page.locator(PAGES[path.partition("?")[0]]).first.wait_for()
    yield page
    context.close()


def violations(page: Page, within: str | None = None) -> list[str]:
    """Return what axe finds in a page or a part of it, each as its rule, the elements, and what to do."""
    found = Axe().run(page, within).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {' '.join(node['target'])}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_wrong_in_light_and_dark_on_a_screen_and_a_phone(
    path: str, all_systems: str, browser: Browser
) -> None:
    """The documentation is looked at in what is ours, the bar: below it, all is markup of swagger-ui."""
    with opened(browser, all_systems, path) as page:
        if path == "/frames":
            unfold(page)
        for scheme, size in product(SCHEMES, SIZES):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size)
            found = violations(page, ".site-bar" if path == "/docs" else None)
            assert not found, "\n\n".join((f"{scheme}, {size}", *found))


def unfold(page: Page) -> None:
    """Unfold the open windows and a dead letter."""
    page.get_by_role("button", name="Open windows").click()
    page.locator(".rejected .more").first.click()
    page.locator(".rejected pre").wait_for()


@pytest.mark.parametrize("preference", ["reduce", "no-preference"])
def test_nothing_moves_for_who_prefers_reduced_motion(
    preference: Literal["reduce", "no-preference"], all_systems: str, browser: Browser
) -> None:
    with opened(browser, all_systems, "/frames", reduced_motion=preference) as page:
        page.evaluate(
            """() => {
                window.moved = [];
                for (const kind of ['animationstart', 'transitionrun']) {
                    addEventListener(kind, event => moved.push(`${kind} of ${event.target.outerHTML}`), true);
                }
            }"""
        )
        unfold(page)
        page.get_by_role("button", name="Copy frame").hover()
        page.get_by_role("button", name="Theme", exact=True).click()
        page.get_by_role("button", name="Dark", exact=True).click()
        page.locator("body.body--dark").wait_for()
        moving = page.evaluate("document.getAnimations().length")
        moved = page.evaluate("moved")
    if preference == "reduce":
        assert (moving, moved) == (0, [])
    else:
        assert moved  # so these steps do move something


def test_a_chosen_theme_stays_when_the_page_changes(all_systems: str, browser: Browser) -> None:
    with opened(browser, all_systems, "/frames", color_scheme="light") as page:
        page.get_by_role("button", name="Theme", exact=True).click()
        page.get_by_role("button", name="Dark", exact=True).click()
        page.locator("body.body--dark").wait_for()
        unfold(page)
        page.get_by_role("button", name="Lag").click()
        page.locator("th[aria-sort=ascending]", has_text="Lag").wait_for()
        assert page.locator("body.body--dark").count() == 1


def focused(page: Page) -> str:
    """Move the focus on; mark what has it then, and return its name; empty outside of the page."""
    page.keyboard.press("Tab")
    return str(
        page.evaluate(
            """() => {
                const at = document.activeElement;
                if (at === document.body) return '';
                at.dataset.reached = getComputedStyle(at).outlineStyle;
                const copy = at.cloneNode(true);
                for (const icon of copy.querySelectorAll('[aria-hidden=true]')) icon.remove();
                return at.ariaLabel ?? copy.textContent.trim();
            }"""
        )
    )


def press(page: Page, name: str) -> None:
    """Move the focus to an element by the Tab key, and press Enter on it."""
    for _ in range(MOST_TABS):
        if focused(page) == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"{name} is not reached")


def test_tab_reaches_all_that_can_be_clicked_and_shows_where_it_is(all_systems: str, browser: Browser) -> None:
    with opened(browser, all_systems, ZOOMED) as page:
        unfold(page)
        page.evaluate("document.activeElement.blur()")
        names = [focused(page) for _ in range(MOST_TABS)]
        assert {"Skip to content", "API", "Theme", "end zoom", "1 h", "Open windows", "Partition"} <= {*names}
        assert {"all 14", "not_json 12", "no_uid 2", "Frame", "Copy frame"} <= {*names}
        unreached = """[...document.querySelectorAll('body *')].filter(at => at.checkVisibility()
            && getComputedStyle(at).cursor === 'pointer' && !at.closest('[data-reached]')).map(at => at.outerHTML)"""
        assert page.evaluate(unreached) == []
        unseen = "[...document.querySelectorAll('[data-reached=none]')].map(at => at.outerHTML)"
        assert page.evaluate(unseen) == []


def test_the_page_of_frames_is_used_without_a_mouse(all_systems: str, browser: Browser) -> None:
    with opened(browser, all_systems, ZOOMED) as page:
        press(page, "end zoom")
        page.wait_for_url("**/frames?range=5m")
        press(page, "1 h")
        page.wait_for_url("**/frames?range=1h")
        press(page, "Open windows")
        page.locator("[aria-expanded=true]", has_text="Open windows").wait_for()
        press(page, "Lag")
        page.locator("th[aria-sort=ascending]", has_text="Lag").wait_for()
        press(page, "no_uid 2")
        page.locator("[aria-pressed=true]", has_text="no_uid").wait_for()
        press(page, page.locator(".rejected .more").first.inner_text())
        page.locator(".rejected pre").wait_for()
        press(page, "Copy frame")
        page.get_by_text("Copied.").wait_for()
        press(page, "Theme")
        press(page, "Dark")
        page.locator("body.body--dark").wait_for()
        page.keyboard.press("Home")
        press(page, "Skip to content")
        assert page.url.endswith("#content")
