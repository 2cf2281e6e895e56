"""The choice of what the page shows, in its address."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.views.core.event import MAX_ID
from metrics.views.web.choice import RANGES, Choice, read_choice
from tests.examples import examples

NOW_S = 1_764_288_000.5  # 2025-11-28T00:00:00.5Z

CHOICES = st.sampled_from([(per, name) for per, names in RANGES.items() for name in names]).flatmap(
    lambda pair: st.builds(
        Choice,
        media=st.none() | st.integers(0, MAX_ID),
        per=st.just(pair[0]),
        range=st.just(pair[1]),
        to=st.none() | st.integers(0, 253_402_300_799),
        zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]),
        order=st.sampled_from(["view_time", "viewers"]),
    )
)


def query(address: str) -> dict[str, str]:
    return dict(parse_qsl(address.partition("?")[2]))


@settings(max_examples=examples(500))
@given(CHOICES)
def test_an_address_gives_the_choice_that_it_was_made_from(choice: Choice) -> None:
    assert read_choice(query(choice.address()), NOW_S) == (choice, ())


def test_an_address_says_only_what_differs_from_the_default() -> None:
    assert Choice().address() == "/views"
    assert Choice(media=2**53 + 1).address() == "/views?media=9007199254740993"
    berlin = Choice(media=0, per="day", range="1y", to=1_764_288_000, zone="Europe/Berlin", order="viewers")
    assert berlin.address() == (
        "/views?media=0&per=day&range=1y&to=2025-11-28T00:00:00Z&tz=Europe/Berlin&order=viewers"
    )


def test_an_address_may_end_at_a_time_ago() -> None:
    assert read_choice({"to": "now"}, NOW_S).choice.to == 1_764_288_000
    assert read_choice({"to": "-1d"}, NOW_S).choice.to == 1_764_201_600


def test_what_an_address_has_wrong_is_named_and_the_default_shown_instead() -> None:
    wrong = {"media": "9223372036854775808", "per": "week", "range": "2d", "to": "soon", "tz": "Berlin", "order": "a"}
    choice, reasons = read_choice(wrong | {"utm_source": "mail"}, NOW_S)
    assert choice == Choice()
    assert reasons == (
        "media: a MediaId is a whole number, 0 to 9223372036854775807, not '9223372036854775808'",
        "per: one of minute, hour, day, not 'week'",
        "to: invalid end time 'soon'",
        "tz: the time zone Berlin is unknown",
        "order: one of view_time, viewers, not 'a'",
        "range: one of 24h, 7d, 31d, not '2d'",
    )


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "0x1", "²", "\u0661", "1 2", "9" * 5_000, "<b>"])
def test_what_is_not_a_media_id_is_refused(text: str) -> None:
    assert read_choice({"media": text}, NOW_S).choice.media is None
    assert len(read_choice({"media": text}, NOW_S).wrong) == 1


def test_another_size_of_rows_keeps_the_range_if_it_has_it() -> None:
    day = Choice().change(per="day", range="31d")
    assert day.change(per="hour").range == "31d"
    assert day.change(per="minute").range == "6h"
    assert Choice(per="hour", range="24h").change(per="minute").rows == 1_440
