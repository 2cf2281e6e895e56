"""What all open pages share: how often the database is asked."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from metrics.postgres.address import address_of
from metrics.views import schema
from metrics.views.answers.trend import read_trend
from metrics.views.answers.viewers import Viewer
from metrics.views.settings import ViewsSettings
from metrics.views.taking.figures import TakingFigures
from metrics.views.web import topic_ends
from metrics.views.web.choice import Choice
from metrics.views.web.kept_similar import KeptSimilar
from metrics.views.web.page import LOOK_EVERY_S
from metrics.views.web.recent import COUNTING_EVERY_S, READ_EVERY_S, Recent, Selected
from metrics.views.web.status import Status, StatusReader
from metrics.web.database import Connection, Database
from metrics.wording.errors import DatabaseError, SettingsError
from tests.views.filled import NOON
from tests.views.web.test_counting import status

LIMIT_S = 1.8  # of 2 s: the rest is for the database, the server and the browser


class Asked(Database):
    """A database of views that counts what it is asked."""

    def __init__(self, url: str) -> None:
        self.settings = ViewsSettings(database_url=url)
        address = address_of(self.settings, print, "", "")
        super().__init__(address, "it", lambda connection: schema.use_tables(connection, self.settings))
        self.number = 0

    async def run(self, work: Callable[[Connection], Any]) -> Any:
        self.number += 1
        return await super().run(work)

    def count(self, *statements: str) -> None:
        """Change the tables as the job does when it counts events."""
        with closing(schema.open_views(self.settings.database_url or "", self.settings)) as connection:
            for statement in (*statements, "UPDATE counts SET read = read + 1"):
                connection.execute(statement.encode())


class Clock:
    """Time as the test sets it."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def asked(database_url: str) -> Iterator[Asked]:
    """Give a database in which user 1 has watched item 7 for a waypoint."""
    with closing(Asked(database_url)) as database:
        with closing(schema.connect_to_schema(database_url, database.settings)) as connection:
            schema.init(connection, database.settings)
        database.count(
            "INSERT INTO media VALUES (7, 1, 0, 0, 0, 1, 1)",
            "INSERT INTO user_media VALUES (1, 7, 1)",
            "INSERT INTO counts VALUES (0, 1, 1, 0, 0, 1)",
        )
        yield database


def recent(database: Asked, clock: Clock, now_s: float = NOON) -> Recent:
    similar = KeptSimilar(database, clock)
    return Recent(database, StatusReader(database, database.settings), similar, clock, lambda: now_s + clock.now_s)


def test_the_database_is_asked_once_for_all_pages_until_it_is_time_again(asked: Asked) -> None:
    clock = Clock()

    async def look() -> None:
        shown = recent(asked, clock)
        first, *others = await asyncio.gather(*(shown.overview() for _ in range(20)))
        assert all(other is first for other in others)
        assert [item.media_id for item in first.top["view_time"]] == ["7"]
        assert asked.number == 1
        clock.now_s = READ_EVERY_S
        assert await shown.overview() is first
        assert asked.number == 2
        asked.count("UPDATE media SET waypoints = 2")
        clock.now_s += READ_EVERY_S
        assert (await shown.overview()).top["viewers"][0].view_time == 60

    asyncio.run(look())


def test_what_is_selected_is_read_again_only_after_an_event_was_counted(asked: Asked) -> None:
    clock = Clock()

    async def look() -> None:
        shown, choice = recent(asked, clock), Choice(media=7)

        async def selected(choice: Choice) -> Any:
            return await shown.selected(choice, (await shown.overview()).version)

        first = await selected(choice)
        assert await selected(choice.change(order="viewers")) is first
        assert asked.number == 2
        clock.now_s += READ_EVERY_S
        assert await selected(choice) is first
        assert asked.number == 3  # the overview
        asked.count("UPDATE media SET waypoints = 2")
        clock.now_s += READ_EVERY_S
        changed = await selected(choice)
        assert (first.totals.view_time, changed.totals.view_time) == (30, 60)
        assert await selected(choice.change(zone="Europe/Berlin")) is not changed

    asyncio.run(look())


def test_new_values_are_on_each_page_within_two_seconds_wherever_its_looks_fall(asked: Asked) -> None:
    #   reads of the database   |-- READ_EVERY_S --|            |
    #   an event is counted      ^ right after a read           |
    #   looks of a page             |-- LOOK_EVERY_S --|  …     | shows it
    #
    # The lag follows from the status, and from the ends of the topic that it has.
    assert LOOK_EVERY_S + COUNTING_EVERY_S + topic_ends.READ_EVERY_S <= LIMIT_S
    clock = Clock()

    async def look() -> None:
        shown, choice = recent(asked, clock), Choice(media=7)

        async def view_time() -> int:
            selected = await shown.selected(choice, (await shown.overview()).version)
            return selected.totals.view_time if selected.totals else 0

        for first_look_s in (0, LOOK_EVERY_S / 2):
            before = await view_time()
            asked.count("UPDATE media SET waypoints = waypoints + 1")
            counted_s = clock.now_s
            clock.now_s += first_look_s
            while await view_time() == before:
                clock.now_s += LOOK_EVERY_S
            assert clock.now_s - counted_s <= LIMIT_S
            clock.now_s += LIMIT_S

    asyncio.run(look())


def test_a_trend_ends_with_the_present_row_and_is_read_again_when_the_next_one_begins(asked: Asked) -> None:
    asked.count("INSERT INTO media_minute VALUES (7, '2025-11-28 12:01Z', 1, 0, 0, 0)")
    asked.count("INSERT INTO media_quarter VALUES (7, '2025-11-28 12:00Z', 1, 0, 0, 0)")
    clock = Clock()

    async def look() -> None:
        shown, choice = recent(asked, clock), Choice(media=7, per="minute", range="1h")

        async def selected(now_s: float) -> Selected:
            clock.now_s = now_s
            return await shown.selected(choice, (await shown.overview()).version)

        first = await selected(0)
        assert first.trend is not None
        assert (first.trend.rows, first.trend.later_until) == ([], "2025-11-28T12:02:00Z")
        assert await selected(59) is first
        second = await selected(60)
        assert second.trend is not None
        assert ([row.view_time for row in second.trend.rows], second.trend.later_until) == ([30], None)

    asyncio.run(look())


def test_similar_items_are_read_again_after_ten_seconds_if_an_event_was_counted(asked: Asked) -> None:
    clock = Clock()

    async def look() -> None:
        shown = recent(asked, clock)
        first = await shown.similar(7, 1)
        clock.now_s = 3_600
        assert await shown.similar(7, 1) is first
        second = await shown.similar(7, 2)
        assert second is not first
        clock.now_s += 9.9
        assert await shown.similar(7, 3) is second
        assert asked.number == 2

    asyncio.run(look())


def test_the_taking_rate_is_unknown_after_a_pause_and_then_that_of_now(asked: Asked) -> None:
    clock, lines = Clock(), 0

    def taking() -> TakingFigures:
        return TakingFigures(lines, lines, 0, {}, 0, NOON)

    async def look() -> None:
        nonlocal lines
        shown = Recent(asked, StatusReader(asked, asked.settings, taking, clock), KeptSimilar(asked), clock)
        rates = []
        for now_s, taken in ((0, 0), (2, 200), (4, 400), (64, 100_000), (66, 100_020)):
            clock.now_s, lines = now_s, taken
            rates.append((await shown.counting()).lines_per_s)
        assert rates == [None, 100, 100, None, 10]

    asyncio.run(look())


def test_the_pace_of_the_job_is_that_of_some_seconds_in_which_records_waited(asked: Asked) -> None:
    clock, present = Clock(), status()

    class Told(StatusReader):
        async def read(self) -> Status:
            return present

    async def look() -> None:
        nonlocal present
        shown = Recent(asked, Told(asked, asked.settings), KeptSimilar(asked), clock)
        paces = []
        for now_s, lag, read in ((0, 0, 0), (2, 999, 0), (4, 800, 200), (6, 400, 600), (8, 0, 999), (10, 9, 999)):
            clock.now_s, present = now_s, status(lag=lag, read=read)
            paces.append((await shown.counting()).records_per_s)
        assert paces == [None, None, None, 150, None, None]

    asyncio.run(look())


def test_a_connection_that_is_lost_while_any_part_is_read_is_an_outage(asked: Asked) -> None:
    def cut(work: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        def run(connection: Connection) -> Any:
            connection.close()
            return work(connection)

        return run

    class Cut(Asked):
        async def run(self, work: Callable[[Connection], Any]) -> Any:
            return await super().run(cut(work))

    async def look(shown: Recent) -> None:
        for read in (shown.overview(), shown.selected(Choice(), None), shown.similar(7, None), shown.counting()):
            with pytest.raises(DatabaseError, match="the database does not answer"):
                await read

    with closing(Cut(asked.settings.database_url or "")) as database:
        asyncio.run(look(recent(database, Clock())))


def test_what_is_selected_is_read_in_one_snapshot(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def trend_then_an_event(*arguments: Any) -> Any:
        trend = read_trend(*arguments)
        asked.count("UPDATE media SET waypoints = 2", "UPDATE user_media SET waypoints = 2")
        return trend

    monkeypatch.setattr("metrics.views.web.recent.read_trend", trend_then_an_event)
    selected = asyncio.run(recent(asked, Clock()).selected(Choice(media=7), None))
    assert selected.totals is not None
    assert (selected.totals.view_time, selected.viewers) == (30, [Viewer("1", 30)])


def test_an_unknown_item_is_selected_without_an_error(asked: Asked) -> None:
    async def look() -> None:
        shown = recent(asked, Clock())
        assert await shown.selected(Choice(media=2**63 - 1), None) == (None, None, ())
        assert await shown.similar(2**63 - 1, None) is None

    asyncio.run(look())


def test_a_time_zone_whose_days_did_not_begin_at_a_quarter_hour_is_refused(asked: Asked) -> None:
    # Monrovia was 44 min 30 s behind UTC until 1972.
    asked.count("INSERT INTO media_quarter VALUES (7, '1971-05-05 12:00Z', 1, 0, 0, 0)")

    async def look() -> None:
        shown = recent(asked, Clock())
        with pytest.raises(SettingsError, match="there is no trend per day in the time zone Africa/Monrovia"):
            await shown.selected(Choice(media=7, per="day", range="31d", zone="Africa/Monrovia"), None)

    asyncio.run(look())


def test_an_outage_is_known_to_all_pages_and_noticed_again_only_when_it_is_time() -> None:
    clock = Clock()

    async def look(database: Asked) -> None:
        shown = recent(database, clock)
        for _ in range(3):
            with pytest.raises(DatabaseError, match="cannot be reached"):
                await shown.overview()
        assert database.number == 1
        clock.now_s = READ_EVERY_S
        with pytest.raises(DatabaseError, match="cannot be reached"):
            await shown.overview()
        assert database.number == 2

    with closing(Asked("postgresql://nobody@127.0.0.1:1/none")) as database:
        asyncio.run(look(database))
