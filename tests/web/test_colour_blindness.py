"""Adjacent colours with different meanings can be told apart under each kind of colour blindness."""

from itertools import combinations

import pytest

from metrics.frames.web import page as frames
from metrics.harvest.web import page as harvest
from metrics.views.web import page as views
from metrics.web.bar import STYLE
from metrics.web.glance import Condition
from tests.frames.web.test_colours import LINE
from tests.web.colour_blindness import SIMULATED, distance

LEAST = 10.0  # Delta E; 2.3 is just noticed where two colours touch
SIDE_BY_SIDE = [
    (frames.FOLDER, ("count", "average")),
    (frames.FOLDER, ("count", "open", "gap")),
    (views.FOLDER, ("viewed", "starts", "stops", "ends")),
    (harvest.FOLDER, ("started", "ended", "liked", "interrupted", "other")),
]


def test_the_simulation_keeps_greys_and_takes_red_from_green() -> None:
    """White and black differ by 100 for everyone; a red and a green of equal lightness look alike to a deuteranope."""
    assert [distance("ffffff", "000000", each) for each in SIMULATED] == pytest.approx([100] * 3, abs=0.1)
    assert distance("a08000", "808a00", "deuteranopia") < 10 < distance("a08000", "808a00", "tritanopia")


@pytest.mark.parametrize("deficiency", SIMULATED)
@pytest.mark.parametrize("theme", ["\nbody", "\nbody.body--dark"])
def test_lines_and_bars_of_a_chart_are_told_apart(theme: str, deficiency: str) -> None:
    near: dict[tuple[str, str], float] = {}
    for folder, names in SIDE_BY_SIDE:
        texts = ["\n" + path.read_text(encoding="utf-8") for path in (STYLE, folder / "page.css")]
        at = dict(LINE.findall("".join(text.split(f"{theme} {{\n", 1)[1].split("}", 1)[0] for text in texts)))
        near |= {pair: distance(at[pair[0]], at[pair[1]], deficiency) for pair in combinations(names, 2)}
    assert {pair: apart for pair, apart in near.items() if apart < LEAST} == {}


def test_good_warning_and_bad_differ_by_their_icons() -> None:
    """Their colours are too near for that: 5 apart for a deuteranope. Words stand beside the icons."""
    assert len({Condition.GOOD.value, Condition.WARNING.value, Condition.BAD.value}) == 3
