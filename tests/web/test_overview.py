"""The overview of a real `serve` over all systems, in a real Chromium; and its pictures."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = pytest.mark.browser


PILLS = "[...document.querySelectorAll('.pill .words')]"
WIDE: ViewportSize = {"width": 1280, "height": 560}
PICTURES: tuple[tuple[str, ViewportSize, Literal["light", "dark"]], ...] = (
    ("light", WIDE, "light"),
    ("dark", WIDE, "dark"),
    ("phone", {"width": 390, "height": 844}, "light"),
)


def seen(page: Page) -> dict[str, list[str]]:
    """Return the state and the number of each system by its name."""
    return {
        card.locator("h2").inner_text(): [card.locator(part).inner_text() for part in (".pill .words", ".number")]
        for card in page.locator(".system").all()
    }


def test_each_system_has_its_state_and_a_number(
    all_systems: str, browser: Browser, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    folder = Path(pytestconfig.getoption("pictures") or tmp_path)
    for name, viewport, scheme in PICTURES:
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        page = context.new_page()
        page.goto(all_systems)
        page.wait_for_function(f"{PILLS}.length === 4 && {PILLS}.every(at => at.innerText !== 'Not known yet')")
        for shown in ("Running, seen", "The job is active; last commit", "The last run read all streams"):
            page.locator(".pill", has_text=shown).wait_for()
        states = seen(page)
        page.screenshot(path=folder / f"overview-{name}.png")
        context.close()
        assert 15_000 < (folder / f"overview-{name}.png").stat().st_size < 200_000
    assert [*states] == ["Frames", "Views", "Harvest", "Catalogue"]
    words = {name: state[0] for name, state in states.items()}
    assert words["Frames"].startswith("Running, seen ")
    assert words["Views"].startswith("The job is active; last commit ")
    assert words["Harvest"].startswith("The last run read all streams")
    assert states["Catalogue"] == [
        "The last loads are done; many rejected or implausible records in 1 of 1 model",  # 8 of 101 movies
        "101",
    ]
    assert all(float(number.replace(",", "")) > 0 for _, number in states.values())
