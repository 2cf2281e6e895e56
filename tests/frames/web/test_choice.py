"""The choice of what the charts show, and its address."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.web.choice import RANGES, Choice, read_choice, zoom_between
from metrics.time.moments import Range

T = 1468244340  # 2016-07-11T13:39:00Z

zooms = st.none() | st.builds(lambda begin, length: Range(begin, begin + length), st.integers(0, T), st.integers(1, T))


@given(st.builds(Choice, st.sampled_from([*RANGES]), zooms))
def test_an_address_leads_to_its_choice(choice: Choice) -> None:
    query = dict(parse_qsl(choice.address().partition("?")[2]))
    assert read_choice(query, T) == choice


@pytest.mark.parametrize(
    "query",
    [
        {"range": "2h"},
        {"from": "1468244340"},
        {"from": "1468244340", "to": "soon"},
        {"from": "1468244341", "to": "1468244340"},
        {"other": "1"},
    ],
)
def test_what_cannot_be_understood_is_left_out(query: dict[str, str]) -> None:
    assert read_choice(query, T) == Choice()


def test_a_person_may_write_times_as_in_commands() -> None:
    assert read_choice({"from": "-10m", "to": "now"}, T) == Choice(zoom=Range(T - 600, T))
    assert read_choice({"from": "2016-07-11T13:39:00Z", "to": "2016-07-11T13:40:00Z"}, T).zoom == Range(T, T + 60)


def test_a_zoom_has_whole_seconds_and_is_not_too_short_to_be_seen() -> None:
    assert zoom_between(T + 0.4, T + 9.7) == Range(T, T + 10)
    assert zoom_between(T + 0.4, T + 0.5) == Range(T, T + 5)
