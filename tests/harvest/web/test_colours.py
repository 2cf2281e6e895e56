"""The colours of the page's charts have enough contrast, in light and dark, by WCAG 2.2, level AA."""

import pytest

from metrics.harvest.web.page import FOLDER
from metrics.web.bar import STYLE
from tests.frames.web.test_colours import GRAPHICS, LINE, contrast

KINDS = ("started", "ended", "liked", "interrupted", "other", "users")


@pytest.mark.parametrize("theme", ["\nbody", "\nbody.body--dark"])
def test_the_bars_of_charts_have_enough_contrast(theme: str) -> None:
    texts = ["\n" + path.read_text(encoding="utf-8") for path in (STYLE, FOLDER / "page.css")]
    at = dict(LINE.findall("".join(text.split(f"{theme} {{\n", 1)[1].split("}", 1)[0] for text in texts)))
    ratios = {kind: contrast(at[kind], at["card"]) for kind in KINDS}
    assert {kind: ratio for kind, ratio in ratios.items() if ratio < GRAPHICS} == {}
