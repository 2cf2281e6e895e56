"""Validation of frames: an event, or the first reason why there is none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.harvest.core.event import Event, Position
from metrics.harvest.core.frames import Frame
from metrics.harvest.core.instants import ZONES
from metrics.harvest.core.reading import REASONS, MalformedError, read_event, repeat_key
from metrics.harvest.core.rows import cells, event_of
from tests.harvest.core.messages import MESSAGE, MESSAGES, POSITION, RECEIVED_US, event, frame, message, without


def reason(malformed: Frame | bytes) -> str:
    with pytest.raises(MalformedError) as error:
        read_event(frame(malformed) if isinstance(malformed, bytes) else malformed, POSITION, RECEIVED_US)
    return error.value.reason


def test_a_frame_as_the_streams_send_it_is_an_event() -> None:
    sent = Frame(
        event=b"stream-started",
        data=b'{"show":{"show_id":"s3","cast":"Huy Pearce, Vadhir Cerbez","country":null,"date_added":"May 26, 2021",'
        b'"description":"A \\"ticial\\" media","director":"Ulain Prunard","duration":"1 Season","listed_in":"Crime TV",'
        b'"rating":"TV-Y7","release_year":2021,"title":"TREAK IT ALL","type":"TV Show","platform":"Sytflix"},'
        b'"event_date":"19-05-2023 08:58:26.000","user":{"id":4,"date_of_birth":"27/02/1968",'
        b'"email":"ahickisson3@example.com","first_name":"Ard\xc3\xbds","gender":"Female","ip_address":"192.0.2.1",'
        b'"country":"CA","last_name":"Hickisson"}}',
        id=b"90e642d9-9bfe-42cd-a41a-74457c3ffec2",
        is_too_long=False,
        end=900,
    )
    assert read_event(sent, Position("sytflix", 2, 5), 1_684_501_106_700_000) == Event(
        id="90e642d9-9bfe-42cd-a41a-74457c3ffec2",
        event="stream-started",
        event_date="19-05-2023 08:58:26.000",
        show_id="s3",
        cast="Huy Pearce, Vadhir Cerbez",
        show_country="",
        director="Ulain Prunard",
        date_added="May 26, 2021",
        description='A "ticial" media',
        duration="1 Season",
        listed_in="Crime TV",
        rating="TV-Y7",
        title="TREAK IT ALL",
        type="TV Show",
        release_year="2021",
        platform="Sytflix",
        user_id="4",
        date_of_birth="27/02/1968",
        email="ahickisson3@example.com",
        first_name="Ardýs",
        gender="Female",
        ip_address="192.0.2.1",
        user_country="CA",
        last_name="Hickisson",
        instant_ms=1_684_501_106_000,  # 2023-05-19T12:58:26Z
        received_us=1_684_501_106_700_000,
        position=Position("sytflix", 2, 5),
    )


def test_only_user_id_first_name_show_id_and_event_date_are_needed() -> None:
    least = event(
        b'{"user":{"id":4,"first_name":"Ardys"},"show":{"show_id":"s3"},"event_date":"19-05-2023 14:58:26.624"}'
    )
    given = {"id": "i1", "event": "stream-started", "event_date": "19-05-2023 14:58:26.624", "show_id": "s3"}
    given |= {"platform": "Sytflix", "user_id": "4", "first_name": "Ardys"}
    assert {name: text for name in Event.__struct_fields__[:24] if (text := getattr(least, name))} == given


@pytest.mark.parametrize("name", ["stream-ended", "show-liked", "another", "ÿ", "\u2028", "message"])
def test_any_name_of_an_event_is_valid(name: str) -> None:
    assert read_event(frame(event=name.encode()), POSITION, RECEIVED_US).event == name


@pytest.mark.parametrize(
    ("malformed", "expected"),
    [
        (frame(b"", is_too_long=True), "too-long"),
        (frame(message().replace(b"Ardys", b"Ard\xffys")), "encoding"),
        (frame(message().replace(b"Ardys", b"\xed\xa0\x80")), "encoding"),  # half of a surrogate pair
        (frame(message().replace(b"Ardys", b"\xc0\x80")), "encoding"),  # a NUL that is too long
        (frame(b'{"unknown": "\xe9"}' + message()), "encoding"),
        (frame(event=b"stream-st\xe9"), "encoding"),
        (frame(own_id=b"\xff"), "encoding"),
        (frame(b""), "json"),
        (frame(b"   "), "json"),
        (frame(b"hello"), "json"),
        (frame(message()[:-1]), "json"),
        (frame(message() + b"}"), "json"),
        (frame(message() + message()), "json"),
        (frame(message() + b"\n" + message()), "json"),
        (frame(message()[:-1] + b",}"), "json"),
        (frame(b"\xef\xbb\xbf" + message()), "json"),
        (frame(message().replace(b"2021", b"NaN")), "json"),
        (frame(message().replace(b"2021", b"-Infinity")), "json"),
        (frame(message().replace(b"2021", b"02021")), "json"),
        (frame(message().replace(b"2021", b"2021.")), "json"),
        (frame(message().replace(b"Ardys", b"Ar\ndys")), "json"),
        (frame(message().replace(b"Ardys", b"Ar\0dys")), "json"),
        (frame(message().replace(b"Ardys", rb"Ar\dys")), "json"),
        (frame(message().replace(b"Ardys", rb"Ar\u12dys")), "json"),
        (frame(message().replace(b'"', b"'")), "json"),
        (frame(message(unknown=0).replace(b"0}", b"+1}")), "json"),
        (frame(b"[" * 100_000), "json"),
        (frame(b"null"), "object"),
        (frame(b"[]"), "object"),
        (frame(b"[" + message() + b"]"), "object"),
        (frame(json.dumps(message().decode()).encode()), "object"),
        (frame(b"1e999"), "object"),
        (frame(event=b""), "event"),
        (frame(without("id", "user")), "user-id"),
        (frame(without("user")), "user-id"),
        (frame(message(user=None)), "user-id"),
        (frame(message(user=4)), "user-id"),
        (frame(message(user=[4])), "user-id"),
        (frame(without("first_name", "user")), "first-name"),
        (frame(message(user={"first_name": None})), "first-name"),
        (frame(message(user={"first_name": 4})), "first-name"),
        (frame(message(user={"first_name": ["Ardys"]})), "first-name"),
        (frame(message(user={"first_name": {}})), "first-name"),
        (frame(message(user={"first_name": True})), "first-name"),
        (frame(without("show_id", "show")), "show-id"),
        (frame(without("show")), "show-id"),
        (frame(message(show=None)), "show-id"),
        (frame(message(show="s3")), "show-id"),
        (frame(message(show=["s3"])), "show-id"),
        (frame(message(show={"show_id": None})), "show-id"),
        (frame(message(show={"show_id": ""})), "show-id"),
        (frame(message(show={"show_id": 4.0})), "show-id"),
        (frame(message(show={"show_id": True})), "show-id"),
        (frame(message(show={"show_id": ["s3"]})), "show-id"),
        (frame(without("event_date")), "event-date"),
        (frame(message(event_date=None)), "event-date"),
        (frame(message(event_date="")), "event-date"),
        (frame(message(event_date=1_684_501_107)), "event-date"),
        (frame(message(event_date=["19-05-2023 14:58:26.624"])), "event-date"),
        (frame(message(event_date="2023-05-19T14:58:26.624Z")), "event-date"),
        (frame(message(event_date="31-04-2023 14:58:26.624")), "event-date"),
        (frame(message(event_date="31-12-9999 23:59:59.999", user={"country": "US"})), "event-date"),
        (frame(message(event_date="19-05-2023 14:58:26.624\0")), "event-date"),
    ],
)
def test_what_is_malformed_has_its_reason(malformed: Frame, expected: str) -> None:
    assert reason(malformed) == expected


def test_of_several_reasons_the_first_is_given() -> None:
    wrong: dict[str, Any] = {"data": b"\xff", "event": b"", "is_too_long": True}
    order = [reason(frame(**wrong))]
    for repaired in (
        {"is_too_long": False},
        {"data": b"{"},
        {"data": b"[]"},
        {"data": b"{}"},
        {"event": b"show-liked"},
        {"data": b'{"user":{"id":4}}'},
        {"data": b'{"user":{"id":4,"first_name":""}}'},
        {"data": b'{"user":{"id":4,"first_name":""},"show":{"show_id":"s3"}}'},
    ):
        wrong |= repaired
        order.append(reason(frame(**wrong)))
    assert tuple(order) == REASONS


@pytest.mark.parametrize(
    ("written", "user_id"),
    [
        ("7", "7"),
        ('"7"', "7"),
        ('"007"', "7"),
        ("0", "0"),
        ("-0", "0"),
        ('"0"', "0"),
        ('"000"', "0"),
        ("-5", "-5"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ('"9223372036854775807"', "9223372036854775807"),
        (f'"{"0" * 9_000}7"', "7"),
    ],
)
def test_a_user_s_id_has_one_form_however_it_is_written(written: str, user_id: str) -> None:
    assert event(message().replace(b'"id": 4', b'"id": ' + written.encode())).user_id == user_id


@pytest.mark.parametrize(
    "written",
    [
        *("4.0", "4e0", "true", "null", "[4]", "{}", "9223372036854775808", "-9223372036854775809", "9" * 5_000),
        *('""', '"-5"', '"+5"', '" 5"', '"5 "', '"5.0"', '"x"', '"\u0663"', '"²"', '"\\u0000"'),
        *('"9223372036854775808"', f'"{"9" * 5_000}"'),
    ],
)
def test_a_user_s_id_that_is_no_integer_of_64_bits_is_malformed(written: str) -> None:
    assert reason(message().replace(b'"id": 4', b'"id": ' + written.encode())) == "user-id"


@pytest.mark.parametrize(
    ("written", "show_id"), [("7", "7"), ("-7", "-7"), ('"007"', "007"), ('" "', " "), ("9" * 5_000, "9" * 5_000)]
)
def test_a_show_s_id_is_its_text(written: str, show_id: str) -> None:
    assert event(message().replace(b'"s3"', written.encode())).show_id == show_id


def test_a_first_name_may_be_empty() -> None:
    assert event(message(user={"first_name": ""})).first_name == ""


@pytest.mark.parametrize("platform", [None, "", 5, True, ["Sytazon"], {"name": "Sytazon"}])
def test_without_a_platform_in_its_json_an_event_has_that_of_its_stream(platform: object) -> None:
    assert event(message(show={"platform": platform}), Position("sysney", 1, 1)).platform == "Sysney"
    assert event(without("platform", "show"), Position("sytazon", 1, 1)).platform == "Sytazon"


def test_a_platform_in_its_json_is_the_event_s() -> None:
    assert event(message(show={"platform": "Sytazon"}), Position("sysney", 1, 1)).platform == "Sytazon"
    assert event(message(show={"platform": "sytazon "})).platform == "sytazon "


@pytest.mark.parametrize("country", [None, "", "NA", 5, True, ["US"], {"US": "US"}, "us", "USA", "XX", *ZONES])
def test_the_zone_is_that_of_the_country_and_amsterdam_s_for_anything_else(country: Any) -> None:
    hours = {"PT": 0, "CA": -4, "US": -7, "RU": 3, "ID": 7, "CN": 8}  # in May
    ahead = hours.get(country, 2) if isinstance(country, str) else 2
    assert event(message(user={"country": country})).instant_ms == 1_684_508_306_624 - ahead * 3_600_000
    assert event(without("country", "user")).instant_ms == 1_684_501_106_624


def test_of_an_hour_that_comes_twice_it_is_the_instant_nearest_to_receipt() -> None:
    twice = message(event_date="29-10-2023 02:30:00.000")
    first_ms = 1_698_539_400_000  # 2023-10-29T00:30:00Z
    assert event(twice, received_us=first_ms * 1_000 + 250).instant_ms == first_ms
    assert event(twice, received_us=(first_ms + 3_600_000) * 1_000 + 250).instant_ms == first_ms + 3_600_000


NAMES = st.sampled_from([b"stream-started", b"stream-started", b"show-liked", b"", b"\xff"])
IDS = st.sampled_from([b"i1", b"i1", b"", None, b"\xff"])


def verdict(taken: Frame) -> str:
    try:
        read_event(taken, POSITION, RECEIVED_US)
    except MalformedError as error:
        return error.reason
    return "valid"


def plain_verdict(taken: Frame) -> str:
    """Return the reason why a frame is malformed, or "valid", by the standard library alone."""
    try:
        taken.event.decode(), taken.data.decode(), (taken.id or b"").decode()
        whole = json.loads(taken.data)
    except UnicodeDecodeError:
        return "encoding"
    except ValueError:
        return "json"
    show, user = (part if isinstance(part, dict) else {} for part in map(whole.get, ("show", "user")))
    user_id, show_id, event_date = user.get("id"), show.get("show_id"), whole.get("event_date")
    digits = user_id if isinstance(user_id, str) and set(user_id) <= set("0123456789") else ""
    number = user_id if type(user_id) is int else int(digits) if digits else None
    try:
        strptime = datetime.strptime(event_date, "%d-%m-%Y %H:%M:%S.%f").replace(tzinfo=UTC)
        is_time = f"{strptime:%d-%m-%Y %H:%M:%S.%f}"[:-3] == event_date
    except (TypeError, ValueError):
        is_time = False
    wrong = {
        "event": not taken.event,
        "user-id": number is None or not -(2**63) <= number < 2**63,
        "first-name": not isinstance(user.get("first_name"), str),
        "show-id": show_id == "" or type(show_id) not in (str, int),
        "event-date": not is_time,
    }
    return next((reason for reason, is_wrong in wrong.items() if is_wrong), "valid")


@settings(deadline=None)
@given(MESSAGES, NAMES, IDS)
def test_a_verdict_is_that_of_the_standard_library(members: dict[str, Any], name: bytes, own_id: bytes | None) -> None:
    taken = frame(json.dumps(members).encode(), name, own_id)
    assert verdict(taken) == plain_verdict(taken)
    if verdict(taken) == "valid":
        read = read_event(taken, POSITION, RECEIVED_US)
        assert event_of(cells(read)) == read


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_read_up_to_a_depth_that_does_not_depend_on_the_caller(opening: bytes, closing: bytes) -> None:
    def nested(depth: int) -> bytes:
        return message(unknown=0).replace(b"0}", opening * depth + b"0" + closing * depth + b"}")

    def deep_in_calls(calls: int, data: bytes) -> Event:
        return deep_in_calls(calls - 1, data) if calls else event(data)

    assert event(nested(127)) == event()
    assert deep_in_calls(500, nested(127)) == event()
    assert reason(nested(128)) == "json"
    assert reason(nested(100_000)) == "json"


def test_many_objects_side_by_side_are_not_deep_nor_are_brackets_in_texts() -> None:
    assert event(message(unknown=[[], {}] * 50_000)) == event()
    assert event(message(unknown=[[[[]] * 300] * 3])) == event()
    for text in ("[" * 1_000, '\\"[' * 1_000, "\\[" * 1_000, '"[[' * 1_000):
        assert event(message(user={"last_name": text})).last_name == text


def test_an_event_of_the_largest_frame_is_read() -> None:
    long = "é" * 500_000
    assert event(message(show={"description": long})).description == long


def test_the_own_id_is_the_event_s_and_an_empty_one_is_none() -> None:
    assert [read_event(frame(own_id=own), POSITION, 0).id for own in (None, b"", b"a/b", "ü".encode())] == [
        "",
        "",
        "a/b",
        "ü",
    ]
    assert repeat_key(read_event(frame(own_id=None), POSITION, 0)) is None
    assert repeat_key(read_event(frame(own_id=b""), POSITION, 0)) is None


def test_the_key_of_repeats_is_of_platform_and_id_alone() -> None:
    assert repeat_key(event()) == repeat_key(
        event(message(MESSAGE["show"], user={"id": 5}), Position("sytazon", 2, 1), 0)
    )
    assert repeat_key(event()) != repeat_key(event(message(show={"platform": "Sytazon"})))
