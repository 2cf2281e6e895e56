"""Figures, rows and sentences of the page."""

from metrics.views.answers.items import MediaTotals
from metrics.views.answers.similar import SimilarItem
from metrics.views.answers.trend import Trend, TrendRow
from metrics.views.answers.viewers import Viewer
from metrics.views.web import figures
from metrics.views.web.choice import Choice
from metrics.views.web.recent import Selected

BIG = 2**53 + 1
NOW = 1_795_881_600  # 2026-11-28T16:00:00Z
TOTALS = MediaTotals("7", 7_290, 5, 4, 3, 2)


def trend(
    *rows: TrendRow,
    per: str = "hour",
    has_earlier: bool = False,
    minutes_since: str | None = None,
    later_until: str | None = None,
) -> Trend:
    return Trend("7", per, "UTC", [*rows], has_earlier, later_until, minutes_since)  # type: ignore[arg-type]


def row(start: str, view_time: int = 0, starts: int = 0) -> TrendRow:
    return TrendRow(start, view_time, starts, 0, 0)


def trending(shown: Trend | None, choice: Choice, totals: MediaTotals | None = TOTALS) -> figures.Trending:
    return figures.trending(Selected(totals, shown, ()), choice, NOW)


def test_top_items_lead_to_their_addresses_and_ids_are_exact_text() -> None:
    items = [MediaTotals(str(BIG), 7_200, 3, 2, 1, 10), MediaTotals("7", 1_800, 1_234, 0, 0, 20)]
    top = figures.top(items, Choice(media=7, per="day", range="1y", to=NOW))
    assert top.rows == [
        {
            "id": "9007199254740993",
            "href": "/views?media=9007199254740993&per=day&range=1y",
            "chosen": False,
            "view_time": "2.0 h",
            "share": "100.0%",
            "viewers": "10",
            "starts": "3",
            "stops": "2",
            "ends": "1",
        },
        {
            "id": "7",
            "href": "/views?media=7&per=day&range=1y",
            "chosen": True,
            "view_time": "0.5 h",
            "share": "25.0%",
            "viewers": "20",
            "starts": "1,234",
            "stops": "0",
            "ends": "0",
        },
    ]


def test_without_events_there_are_commands_that_generate_and_send_some() -> None:
    top = figures.top([], Choice())
    assert top.words == "No view events counted yet. Generate some, and send them:"
    assert [command.partition(" views ")[2] for command in top.commands] == [
        "generate data/views.jsonl",
        "send data/views.jsonl",
    ]


def test_bars_of_items_that_nobody_watched_are_empty() -> None:
    [shown] = figures.top([MediaTotals("7", 0, 1, 0, 0, 0)], Choice()).rows
    assert (shown["view_time"], shown["share"]) == ("0 s", None)


def test_a_trend_in_words() -> None:
    one = trend(row("2026-11-28T13:00:00Z", 90, 2))
    assert trending(one, Choice(media=7)).words == "2026-11-28 13:00: 90 s viewed, 2 starts."
    day = trend(row("2026-11-28T13:00:00Z", 90, 1), row("2026-11-28T14:00:00Z", 7_200))
    assert trending(day, Choice(media=7)).words == (
        "2026-11-28 13:00 to 15:00: 2.0 h viewed, 1 start; most at 2026-11-28 14:00: 2.0 h."
    )
    days = trend(row("2026-11-27T00:00:00Z", 60), row("2026-11-28T00:00:00Z", 30), per="day")
    assert trending(days, Choice(media=7, per="day", range="1y")).words == (
        "2026-11-27 to 2026-11-28: 90 s viewed, 0 starts; most at 2026-11-27: 60 s."
    )
    assert [(each.name, each.number) for each in trending(one, Choice(media=7)).totals] == [
        ("view time", "2.0 h"),
        ("viewers", "2"),
        ("starts", "5"),
        ("stops", "4"),
        ("ends", "3"),
    ]


def test_an_unknown_item_and_an_empty_range_are_said() -> None:
    unknown = trending(None, Choice(media=BIG), totals=None)
    assert unknown == ((), "No event about item 9007199254740993 was counted yet.", {}, None)
    empty = trending(trend(), Choice(media=7))
    assert (empty.words, empty.picture) == ("No events in this range.", None)


def test_minutes_that_are_not_kept_are_said_where_the_rows_end() -> None:
    choice, minute = Choice(media=7, per="minute", range="1h"), row("2026-11-28T13:00:00Z", 30)
    since = "2026-10-28T00:00:00Z"
    said = "Minutes before 2026-10-28 are not kept; hours are."
    assert trending(trend(minute, per="minute", minutes_since=since), choice).words.endswith(said)
    assert trending(trend(per="minute", minutes_since=since), choice).words == f"No events in this range. {said}"
    more = trend(minute, per="minute", minutes_since=since, has_earlier=True)
    assert "not kept" not in trending(more, choice).words
    assert "not kept" not in trending(trend(minute, per="minute"), choice).words


def test_later_events_are_said_and_can_be_moved_to() -> None:
    choice, now_row = Choice(media=7), row("2026-11-28T16:00:00Z", 30)
    far = trend(now_row, later_until="2029-11-28T17:00:00Z")
    assert trending(far, choice).words.endswith(" There are later events, the last before 2029-11-28 17:00.")
    assert trending(far, choice).steps == {"Later": "/views?media=7&to=2029-11-28T17:00:00Z"}
    past = trending(far, choice.change(to=NOW - 86_400 * 30))
    assert "later" not in past.words
    assert past.steps["Later"] == "/views?media=7&to=2026-11-05T16:00:00Z"
    assert trending(trend(now_row), choice.change(to=NOW * 2)).steps == {"Newest": "/views?media=7"}


def test_a_range_moves_to_earlier_later_and_newest_rows() -> None:
    choice = Choice(media=7, range="24h")
    newest = trending(trend(row("2026-11-28T10:00:00Z"), has_earlier=True), choice)
    assert newest.steps == {"Earlier": "/views?media=7&range=24h&to=2026-11-28T10:00:00Z"}
    earlier = trending(trend(row("2026-11-20T10:00:00Z")), choice.change(to=NOW - 86_400 * 3))
    assert earlier.steps == {
        "Later": "/views?media=7&range=24h&to=2026-11-26T16:00:00Z",
        "Newest": "/views?media=7&range=24h",
    }
    assert trending(trend(), choice.change(to=NOW - 3_600)).steps["Later"] == "/views?media=7&range=24h"
    assert trending(trend(), choice).steps == {}


def test_days_move_by_the_calendar_when_clocks_are_changed() -> None:
    # Midnight of 1 October in Berlin is 22:00 UTC; of 1 November, after clocks were set back, 23:00 UTC.
    october = Choice(per="day", range="31d", zone="Europe/Berlin", to=1_790_805_600)
    assert "to=2026-10-31T23:00:00Z" in trending(trend(per="day"), october).steps["Later"]


def test_viewers_and_similar_items_are_rows_or_a_sentence() -> None:
    two = Selected(TOTALS, trend(), (Viewer(str(BIG), 120), Viewer("1", 30)))
    assert figures.viewers(two) == (
        "",
        [
            {"id": "9007199254740993", "view_time": "2.0 min", "share": "100.0%"},
            {"id": "1", "view_time": "0.5 min", "share": "25.0%"},
        ],
    )
    one = figures.viewers(Selected(TOTALS, trend(), (Viewer("1", 30),)))
    assert one is not None
    assert one.words == "The 1 of 2 who watched longest"
    assert figures.viewers(Selected(None, None, ())) is None
    found = figures.similar([SimilarItem(str(BIG), 0.5, 1_234), SimilarItem("3", -0.25, 0)], Choice(media=7))
    assert found is not None
    assert found.rows == [
        {
            "id": "9007199254740993",
            "href": "/views?media=9007199254740993",
            "score": "+0.500",
            "share": "50.0%",
            "common": "1,234",
        },
        {"id": "3", "href": "/views?media=3", "score": "-0.250", "share": "0.0%", "common": "0"},
    ]
    assert figures.similar(None, Choice()) is None
