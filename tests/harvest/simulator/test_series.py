"""The messages that are drawn: the same for a seed, sensible, and malformed in known ways only."""

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.harvest.core.event import PLATFORMS, STREAMS, Event, Position
from metrics.harvest.core.frames import FrameParser
from metrics.harvest.core.reading import REASONS, MalformedError, read_event
from metrics.harvest.simulator.faults import Faults
from metrics.harvest.simulator.people import people
from metrics.harvest.simulator.series import Series
from metrics.harvest.simulator.spoiling import FAULTS, Drawn
from metrics.harvest.simulator.wire import Wire

NOW_S = 1_700_000_000.0
DATE = re.compile(rb'"event_date":"[^"]*"')


def drawn(stream: str = "sytflix", seed: int = 1, malformed: float = 0.0, count: int = 500) -> list[Drawn]:
    series = Series(stream, seed, malformed)
    return [series.next(NOW_S + number) for number in range(count)]


def without_date(message: Drawn) -> tuple[bytes, bytes | None, bytes, str | None]:
    return message.id, message.event, DATE.sub(b"", message.data), message.fault


def verdict(message: Drawn, now_s: float) -> Event | str:
    """Return the event of a message that came as a frame, or the reason why it is malformed."""
    (frame,) = FrameParser(1 << 20).feed(Wire(Faults(), Random(0)).frame(message))
    try:
        return read_event(frame, Position("sytflix", 1, 1), int(now_s * 1_000_000))
    except MalformedError as error:
        return error.reason


def test_a_seed_gives_the_same_messages_at_other_times() -> None:
    one, other = Series("sysney", 9, 0.02), Series("sysney", 9, 0.02)
    for number in range(300):
        assert without_date(one.next(NOW_S + number)) == without_date(other.next(NOW_S - 5_000_000 + 0.3 * number))


def test_another_seed_or_stream_gives_other_messages() -> None:
    sets = [{message.id for message in drawn(stream, seed)} for stream in STREAMS for seed in (1, 2)]
    assert len(set.union(*sets)) == sum(len(each) for each in sets) == 6 * 500


def test_valid_messages_are_the_same_whatever_the_share_of_malformed() -> None:
    valid, some, all_of_them = (drawn(malformed=share) for share in (0, 0.3, 1))
    assert {message.fault for message in valid} == {None}
    assert None not in {message.fault for message in all_of_them}
    for message, maybe in zip(valid, some, strict=True):
        assert message.id == maybe.id
        assert maybe.fault or message == maybe


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_the_share_of_malformed_messages_is_the_given_one(share: float) -> None:
    count = 20_000
    malformed = sum(message.fault is not None for message in drawn(malformed=share, count=count))
    assert abs(malformed - share * count) < 5 * (count * share * (1 - share)) ** 0.5


@given(st.integers(0, 1 << 32), st.sampled_from(STREAMS))
@settings(max_examples=10, deadline=None)
def test_each_message_is_judged_as_it_was_drawn(seed: int, stream: str) -> None:
    series = Series(stream, seed, 0.5)
    for number in range(200):
        now_s = NOW_S + 40_000 * number
        message = series.next(now_s)
        judged = verdict(message, now_s)
        if message.fault is not None:
            assert judged == message.fault
            continue
        assert isinstance(judged, Event)
        assert judged.platform == PLATFORMS[stream]
        assert judged.id == message.id.decode()
        assert 0 <= int(now_s * 1000) - judged.instant_ms <= 2001


def test_every_fault_is_a_reason_and_occurs() -> None:
    assert {*FAULTS} == {*REASONS} - {"too-long"}
    assert {message.fault for message in drawn(malformed=1)} == {*FAULTS}


def test_people_are_the_same_on_all_platforms() -> None:
    seen: defaultdict[int, set[bytes]] = defaultdict(set)
    for stream in STREAMS:
        for message in drawn(stream, count=2_000):
            user = message.data.partition(b'"user":')[2][:-1]
            seen[msgspec.json.decode(user)["id"]].add(user)
    assert sorted(seen) == [*range(1, 51)]
    assert {len(forms) for forms in seen.values()} == {1}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_people_have_what_reports_may_stumble_over(seed: int) -> None:
    users = [msgspec.json.decode(person.encoded) for person in people(seed)]
    assert Counter(user["first_name"] for user in users)["Sytac"] == 2
    assert {"sytac", "Sytac "} < {user["first_name"] for user in users}
    assert "Sytac" in {user["last_name"] for user in users}
    assert {"PT", "CA", "US", "RU", "ID", "CN", "NL", "NA", None} < {user["country"] for user in users}
    assert "29/02/1992" in {user["date_of_birth"] for user in users}


def test_shows_have_the_same_ids_and_other_titles_on_each_platform() -> None:
    titles: defaultdict[str, dict[str, str]] = defaultdict(dict)
    years, casts, texts = set(), set(), ""
    for stream in STREAMS:
        for message in drawn(stream, count=2_000):
            show = msgspec.json.decode(message.data)["show"]
            assert titles[stream].setdefault(show["show_id"], show["title"]) == show["title"]
            years.add(show["release_year"])
            casts.add(show["cast"])
            texts += show["description"] + show["title"] if show["description"] not in texts else show["title"]
    assert [sorted(shows) for shows in titles.values()] == 3 * [sorted(f"s{number}" for number in range(1, 13))]
    assert titles["sytflix"] != titles["sytazon"] != titles["sysney"]
    assert min(years) < 2020 < max(years)
    assert None in casts
    assert {",", '"', "\u2028", "\u0085", "\n"} < {*texts}


def test_viewers_start_before_they_do_anything_else_and_succeed_now_and_then() -> None:
    watching: dict[int, str] = {}
    before: dict[int, bytes | None] = {}
    events, succeeded = Counter[bytes | None](), 0
    for message in drawn(count=3_000):
        body = msgspec.json.decode(message.data)
        user, show = body["user"]["id"], body["show"]["show_id"]
        if message.event == b"stream-started":
            assert user not in watching
            watching[user] = show
        assert watching[user] == show
        if message.event in {b"stream-finished", b"stream-ended"}:
            del watching[user]
            succeeded += before[user] == b"stream-started"
        before[user] = message.event
        events[message.event] += 1
    assert [event for event, _ in events.most_common()] == [
        b"stream-started",
        b"stream-finished",
        b"show-liked",
        b"stream-interrupted",
        b"stream-ended",
    ]
    assert succeeded > 500


def test_some_messages_are_late_so_that_their_order_is_not_that_of_their_instants() -> None:
    instants = []
    for number, message in enumerate(drawn()):
        event = verdict(message, NOW_S + number)
        assert isinstance(event, Event)
        instants.append(event.instant_ms)
    assert instants != sorted(instants)
    late = sum(1000 * (NOW_S + number) - at > 100 for number, at in enumerate(instants))
    assert 25 < late < 80


def test_times_are_local_to_the_country_of_the_user() -> None:
    series, shown = Series("sytazon", 1, 0), {}
    for _ in range(2_000):
        body = msgspec.json.decode(series.next(datetime(2024, 3, 20, 12, 30, 30, tzinfo=UTC).timestamp()).data)
        shown[body["user"]["country"]] = body["event_date"][:16]
    assert shown["PT"] == "20-03-2024 12:30"
    assert shown["CA"] == "20-03-2024 08:30"  # daylight saving, since 10 March
    assert shown["US"] == "20-03-2024 05:30"
    assert shown["NL"] == shown["NA"] == shown[None] == "20-03-2024 13:30"  # until 31 March
    assert shown["CN"] == "20-03-2024 20:30"
