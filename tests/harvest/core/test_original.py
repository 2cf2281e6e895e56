"""The bodies of the original API, byte for byte."""

import pytest

from metrics.harvest.core.original import recent_shows, start_events, successful_streams, user_report
from metrics.harvest.core.reports import Figures, RunEvents
from tests.harvest.core.timeline import START_MS, drawn, event, figures, reports


def answers(timeline: str) -> Figures:
    return figures(drawn(timeline))


def test_the_user_report_is_as_in_the_original() -> None:
    herculie = {"user_id": "9", "first_name": "Herculie", "last_name": "Eadon", "date_of_birth": "06/12/1984"}
    events = [
        event(event="stream-started", title='"100%" Salal', cast="Qurbra, Weff", show_id="s5", **herculie),
        event(user_id="10", first_name="Zoë"),
    ]
    assert b"".join(user_report(reports([RunEvents(START_MS * 1000, events)]).users)).decode() == (
        '[{"event_list":[{"event":"stream-started","event_date":"06-12-2023 16:04:56.339","first_actor":"Qurbra",'
        '"show_id":"s5","show_platform":"Sytflix","show_title":"\\"100%\\" Salal"}],'
        '"user":{"age":"39","user_id":"9","user_name":"Herculie Eadon"}},'
        '{"event_list":[{"event":"show-liked","event_date":"06-12-2023 16:04:56.339","first_actor":null,'
        '"show_id":"s1","show_platform":"Sytflix","show_title":null}],'
        '"user":{"age":null,"user_id":"10","user_name":"Zoë"}}]'
    )


def test_the_number_of_recent_shows_is_a_text() -> None:
    shows = [event(show_id=f"s{number}", release_year="2021") for number in range(96)]
    assert recent_shows(figures([RunEvents(0, shows)])) == b'{"recent_shows":"96"}'


def test_successful_streams_are_floats_and_users_without_any_are_left_out() -> None:
    assert successful_streams(answers("12[a 4[a 4a] 12a] 5[a 12[b 12b)")) == (
        b'[{"successful_streams":1.0,"user":4.0},{"successful_streams":2.0,"user":12.0}]'
    )


@pytest.mark.parametrize(
    ("timeline", "body"),
    [
        ("[a " * 197 + "*a " * 316 + "[A A]", b'{"start_event_rate(%)":"38.40155945419103"}'),  # 197 of 513
        ("[a *a", b'{"start_event_rate(%)":"50.0"}'),
        ("*a", b'{"start_event_rate(%)":"0.0"}'),
        ("[A A]", b'{"start_event_rate(%)":null}'),
    ],
)
def test_the_started_share_is_a_text_or_null(timeline: str, body: bytes) -> None:
    assert start_events(answers(timeline)) == body


def test_without_events_the_bodies_are_empty_lists_zero_and_null() -> None:
    bodies = [body(figures([])) for body in (recent_shows, successful_streams, start_events)]
    assert [b"".join(user_report([])), *bodies] == [
        b"[]",
        b'{"recent_shows":"0"}',
        b"[]",
        b'{"start_event_rate(%)":null}',
    ]
