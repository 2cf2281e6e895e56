"""Values of answers as people read them."""

import pytest

from metrics.views.answers.words import view_time


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (90, "90 s"), (120, "2.0 min"), (7_170, "119.5 min"), (7_200, "2.0 h"), (4_444_200, "1,234.5 h")],
)
def test_a_view_time_has_the_unit_that_suits_it(seconds: int, text: str) -> None:
    assert view_time(seconds) == text


def test_a_column_has_the_unit_of_its_longest_but_for_what_would_be_zero_in_it() -> None:
    assert [view_time(seconds, 8_280) for seconds in (8_280, 6_750, 180, 179, 0)] == [
        "2.3 h",
        "1.9 h",
        "0.1 h",
        "3.0 min",
        "0.0 h",
    ]
