"""Generated lines contain what is reported, and every kind of noise."""

import hashlib
import json
import random
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from time import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.files.line_reader import Lines
from metrics.time.moments import rfc3339
from metrics.views.core.event import EVENT_TYPES, MAX_TIMESTAMP, Event, InvalidEventError, read_event
from metrics.views.core.recount import Recount
from metrics.views.core.similarity import similar
from metrics.views.generate.lines import Content, lines
from metrics.views.generate.wrong import damaged
from metrics.views.settings import MAX_LINE_BYTES
from metrics.wording.errors import SettingsError
from tests.examples import examples
from tests.test_app import run

END_S = 1_795_867_200  # 2026-11-28T12:00:00Z
END = "2026-11-28T12:00:00Z"
FIELDS = ("EventId", "MediaId", "UserId", "Timestamp", "DateTime", "EventType")


def generated(count: int, *, seed: int = 0, end_s: int = END_S, media: int = 100, users: int = 500) -> list[bytes]:
    return list(lines(Content(), count=count, media=media, users=users, seed=seed, end_s=end_s))


def verdict(line: bytes) -> Event | None:
    try:
        return read_event(line)
    except InvalidEventError:
        return None


@cache
def events() -> list[Event]:
    """Return the events of 20,000 lines, as often as they are there."""
    return [event for event in map(verdict, generated(20_000)) if event]


def test_the_lines_are_the_same_everywhere() -> None:
    written = b"\n".join(generated(20_000, seed=1))
    assert written.startswith(
        b'{"EventId":"05eb6b7e-f3fc-cfd0-12f8-1044771687fc","MediaId":4,"UserId":324,"Timestamp":1795832645,'
        b'"DateTime":"2026-11-28T02:24:05Z","EventType":"streamstart","Player":"ios/8.3",'
    )
    assert hashlib.md5(written, usedforsecurity=False).hexdigest() == "14de74b53c31e9196cb9d40da8b02557"


def test_a_line_is_what_a_player_sends() -> None:
    first = json.loads(generated(1)[0])
    assert tuple(first)[:6] == FIELDS
    assert first["EventType"] == "streamstart"
    assert first["DateTime"] == rfc3339(first["Timestamp"])
    assert first["Player"]
    assert first["Device"]["Os"]


@given(st.integers(1, 3_000), st.integers(1, 50), st.integers(1, 300), st.integers(0, 2**70))
@settings(max_examples=examples(50), deadline=None)
def test_the_lines_contain_what_is_reported(count: int, media: int, users: int, seed: int) -> None:
    content, recount = Content(), Recount()
    for number, line in enumerate(lines(content, count=count, media=media, users=users, seed=seed, end_s=END_S)):
        recount.take(0, number, line)
        counts = recount.counts[0]
        assert counts.read == number + 1
        assert (counts.counted, counts.duplicates, counts.invalid) == (
            content.events.total(),
            content.repeated,
            content.wrong,
        )
    assert number == count - 1
    assert recount.viewers == content.users
    assert recount.media().keys() == content.media
    assert len(content.users) <= users
    assert len(content.media) <= media
    for column, kind in enumerate(EVENT_TYPES):
        assert sum(totals[column] for totals in recount.media().values()) == content.events[kind]
    minutes = recount.minute()
    if minutes:
        assert min(minutes) == content.first_s // 60 * 60
        assert max(minutes) == content.last_s // 60 * 60
        assert content.last_s <= END_S


def test_the_last_events_are_of_the_end() -> None:
    assert END_S - 60 <= max(event.timestamp for event in events()) <= END_S
    # 20,000 lines at 100 a day from each of 500 users
    assert min(event.timestamp for event in events()) == pytest.approx(END_S - 0.4 * 86_400, abs=60)


def test_a_session_has_waypoints_every_30_s_and_an_end() -> None:
    sent: dict[tuple[int, int], list[Event]] = {}
    for event in events():
        sent.setdefault((event.user_id, event.media_id), []).append(event)
    complete = 0
    for session in sent.values():
        kinds = Counter(event.event_type for event in set(session))
        seconds = sorted({event.timestamp for event in session})
        after_s = [after - before for before, after in pairwise(seconds)]
        if kinds["streamstart"] == kinds["streamend"] == 1 and after_s[:-1] == [30] * kinds["waypoint"]:
            complete += 0 < after_s[-1] < 30
    assert complete > 50


def test_some_users_only_start_an_item() -> None:
    watched = {event.user_id for event in events() if event.event_type == "waypoint"}
    assert {event.user_id for event in events()} - watched


def test_events_come_late_and_again_also_much_later() -> None:
    seen: dict[str, int] = {}
    distances = []
    newest = late = 0
    for place, event in enumerate(events()):
        if event.event_id in seen:
            distances.append(place - seen[event.event_id])
        elif event.timestamp < newest - 600:
            late += 1
        seen.setdefault(event.event_id, place)
        newest = max(newest, event.timestamp)
    assert min(distances) == 1
    assert max(distances) > 10_000
    assert 300 < len(distances) < 500
    assert 50 < late < 600


def test_some_ids_need_more_than_53_bits() -> None:
    assert any(event.media_id > 2**53 for event in events())
    assert any(event.user_id > 2**53 for event in events())


def test_few_items_are_watched_most_and_those_of_a_genre_by_the_same_users() -> None:
    watched = Counter(event.media_id for event in events())
    (first, most), *_ = watched.most_common()
    assert most > 10 * sorted(watched.values())[len(watched) // 2]
    viewing: dict[int, Counter[int]] = {}
    for event in events():
        if event.event_type == "waypoint":
            viewing.setdefault(event.user_id, Counter())[event.media_id] += 1
    best = similar(viewing, len({event.user_id for event in events()}), first, 3)
    assert all(item.score > 0 for item in best)


def test_two_files_have_no_event_in_common_unless_seed_and_end_are_equal() -> None:
    ids = [
        {event.event_id for event in map(verdict, generated(1_000, seed=seed, end_s=END_S + later)) if event}
        for seed, later in ((0, 0), (0, 1), (1, 0), (2**64, 0))
    ]
    assert len(set().union(*ids)) == sum(map(len, ids))
    assert generated(1_000, seed=3) == generated(1_000, seed=3)


def test_each_kind_of_wrong_line_is_there_and_each_is_refused() -> None:
    draw = random.Random(0).random
    line = generated(1)[0]
    kinds: Counter[str] = Counter()
    longest = 0
    for _ in range(6_000):
        wrong = damaged(line, draw)
        longest = max(longest, len(wrong))
        assert b"\n" not in wrong
        assert wrong
        with pytest.raises(InvalidEventError) as raised:
            read_event(wrong)
        kinds.update(reason.kind for reason in raised.value.reasons)
    of_fields = {f"{what} {name}" for what in ("missing", "wrong") for name in FIELDS}
    expected = of_fields | {"not JSON", "not an object", "too deep"}
    assert kinds.keys() == expected
    assert longest > MAX_LINE_BYTES


def test_all_that_is_wrong_with_the_arguments_is_named() -> None:
    with pytest.raises(SettingsError) as raised:
        lines(Content(), count=0, media=0, users=-1, seed=-1, end_s=MAX_TIMESTAMP + 1)
    assert [reason.split(" ")[0] for reason in raised.value.why.splitlines()] == [
        "--count",
        "--media",
        "--users",
        "--seed",
        "--end:",
    ]


@pytest.mark.parametrize("name", ["views.jsonl", "views.jsonl.gz", "views.jsonl.xz", "views.jsonl.zst"])
def test_the_command_writes_a_file_and_says_what_it_contains(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    arguments = ("--count", "3000", "--media", "100", "--users", "500", "--seed", "7", "--end", END)
    printed = run("views", "generate", path, *arguments).stdout.splitlines()
    assert list(Lines([path], 2**30)) == generated(3_000, seed=7)
    content = Content()
    assert len(list(lines(content, count=3_000, media=100, users=500, seed=7, end_s=END_S))) == 3_000
    assert printed[0].startswith(f"wrote {path}: 3,000 lines in ")
    assert printed[1].startswith(f"{content.events.total():,} events: {content.events['waypoint']:,} waypoints, ")
    assert printed[2] == f"{content.repeated} repeated events, {content.wrong} wrong lines"
    assert printed[3].endswith(" users, 48 media items, 2026-11-28T10:34:01Z to 2026-11-28T11:59:42Z")


def test_the_command_ends_now_and_leaves_standard_output_to_the_lines() -> None:
    before_s = time()
    finished = run("views", "generate", "-", "--count", "200")
    written = finished.stdout.splitlines()
    assert len(written) == 200
    assert "wrote to standard output: 200 lines in" in finished.stderr
    newest = max(event.timestamp for event in (verdict(line.encode()) for line in written) if event)
    assert before_s - 600 < newest <= time()
