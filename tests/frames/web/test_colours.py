"""The colours of the page have enough contrast, in light and dark, by WCAG 2.2, level AA."""

import re

import pytest

from metrics.frames.web.page import FOLDER
from metrics.web.bar import STYLE

LINE = re.compile(r"--([a-z-]+): #([0-9a-f]{6});")
TEXT, GRAPHICS = 4.5, 3.0  # the ratios that AA asks for: 1.4.3, 1.4.11


def colours(theme: str) -> dict[str, str]:
    """Return the variables of a theme, by their names."""
    blocks = [path.read_text().split(f"{theme} {{\n", 1)[1].split("}", 1)[0] for path in (STYLE, FOLDER / "page.css")]
    return dict(LINE.findall("".join(blocks)))


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (at / 12.92 if at <= 0.04045 else ((at + 0.055) / 1.055) ** 2.4 for at in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_ratio_follows_the_standard() -> None:
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("777777", "ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["\nbody", "\nbody.body--dark"])
def test_text_and_lines_have_enough_contrast(theme: str) -> None:
    at = colours(theme)
    ratios = {
        f"{above} on {below}": contrast(at[above], at[below]) / least
        for least, above, below in [
            *((TEXT, above, below) for above in ("text", "quiet") for below in ("page", "card", "alert")),
            *((TEXT, above, "card") for above in ("good", "warning", "bad")),
            *((GRAPHICS, above, "card") for above in ("count", "average", "gap")),
            *((GRAPHICS, above, "page") for above in ("alert-edge", "focus")),
        ]
    }
    assert {name: ratio for name, ratio in ratios.items() if ratio < 1} == {}
