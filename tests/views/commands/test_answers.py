"""`views top`, `stats`, `trend` and `similar` as their users run them."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.kafka.application import Application
from tests.test_app import run
from tests.views.filled import NOON, Watched, fill, open_tables

BIG = 2**53 + 1
EVENTS = [
    Watched(1, 7, "streamstart"),
    Watched(1, 7, number=3),
    Watched(2, 7, time=NOON + 7_200),
    Watched(2, BIG, number=121),
    Watched(3, BIG, "streamend"),
]


@pytest.fixture
def application(database_url: str) -> Application:
    with closing(open_tables(database_url)) as connection:
        fill(connection, EVENTS)
    return Application("", {"DATABASE_URL": database_url})


def test_tables_are_for_people_and_csv_for_programs(application: Application) -> None:
    assert application.run("views", "top").splitlines() == [
        "           media  view time  viewers  starts  stops  ends",
        "9007199254740993   60.5 min        1       0      0     1",
        "               7    2.0 min        2       1      0     0",
    ]
    assert application.run("views", "top", "--order", "viewers", "--limit", "1", "--csv").splitlines() == [
        "media_id,view_time,starts,stops,ends,viewers",
        "7,120,1,0,0,2",
    ]
    assert application.run("views", "stats", "7").splitlines() == [
        "media            7",
        "view time  2.0 min",
        "viewers          2",
        "starts           1",
        "stops            0",
        "ends             0",
        "",
        "viewer  view time",
        "     1       90 s",
        "     2       30 s",
    ]
    assert application.run("views", "trend", "7", "--tz", "Europe/Berlin", "--limit", "2").splitlines() == [
        "start                      view time  starts  stops  ends",
        "2025-11-28T14:00:00+01:00        0 s       0      0     0",
        "2025-11-28T15:00:00+01:00       30 s       0      0     0",
        "only the newest 2 rows; for earlier ones use --limit or --to",
    ]
    assert application.run("views", "similar", "7").splitlines() == [
        "           media      score  common",
        "9007199254740993  -0.188982       1",
    ]


def test_more_than_three_zero_rows_in_a_row_are_one_line_of_the_table_only(
    application: Application, database_url: str
) -> None:
    with closing(open_tables(database_url)) as connection:
        fill(connection, [Watched(1, 7, time=NOON + hour * 3_600) for hour in (0, 4, 9)])
    assert application.run("views", "trend", "7").splitlines() == [
        "start                    view time  starts  stops  ends",
        "2025-11-28T12:00:00Z          30 s       0      0     0",
        "2025-11-28T13:00:00Z           0 s       0      0     0",
        "2025-11-28T14:00:00Z           0 s       0      0     0",
        "2025-11-28T15:00:00Z           0 s       0      0     0",
        "2025-11-28T16:00:00Z          30 s       0      0     0",
        "… 4 rows without events",
        "2025-11-28T21:00:00Z          30 s       0      0     0",
    ]
    assert len(application.run("views", "trend", "7", "--csv").splitlines()) == 11


def test_a_trend_ends_at_the_present_and_says_how_to_list_later_events(
    application: Application, database_url: str
) -> None:
    with closing(open_tables(database_url)) as connection:
        fill(connection, [Watched(1, 7), Watched(1, 7, time=9 * NOON)], since=NOON)
    assert application.run("views", "trend", "--csv", "--per", "minute").splitlines() == [
        "start,view_time,starts,stops,ends",
        "2025-11-28T12:00:00Z,30,0,0,0",
        "there are later events; --to 2473-03-08T12:01:00Z lists rows up to the last one",
        "minutes are kept since 2025-11-28T12:00:00Z; hours and days are kept for ever",
    ]


def test_json_has_one_object_per_line_whose_ids_are_texts(application: Application) -> None:
    def lines(*arguments: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in application.run("views", *arguments, "--json").splitlines()]

    item = {"media_id": str(BIG), "view_time": 3_630, "starts": 0, "stops": 0, "ends": 1, "viewers": 1}
    assert lines("stats", str(BIG)) == lines("top", "--limit", "1") == [item]
    assert lines("stats", str(BIG), "--viewers", "5") == [{"user_id": "2", "view_time": 3_630}]
    assert lines("similar", "7") == [{"media_id": str(BIG), "score": -0.188982236505, "common": 1}]
    row = {"start": "2025-11-28T12:00:00Z", "view_time": 3_720, "starts": 1, "stops": 0, "ends": 1}
    assert lines("trend", "--to", "2025-11-28T12:01")[0] == row
    assert lines("trend", "--from", "2026-01-01", "--to", "2026-01-02") == []
    assert lines("trend", "--from", "-20000d", "--to", "now")[0] == row
    assert lines("trend", "--last", "20000d")[0] == row
    assert lines("trend", "--last", "1h") == []


def test_what_is_wrong_is_said(application: Application) -> None:
    for command in (("top",), ("trend",), ("similar", "7"), ("stats", "7")):
        option = "--viewers" if command[0] == "stats" else "--limit"
        said = application.run("views", *command, option, "10001", exit_code=2)
        assert said.startswith("error: a table has at most 10,000 rows, not 10,001")
    assert len(application.run("views", "top", "--limit", "10001", "--csv").splitlines()) == 3
    assert "no event about the item 9 was counted" in application.run("views", "stats", "9", exit_code=2)


def test_a_command_that_reads_creates_no_tables_in_the_database_of_this_machine(tmp_path: Path) -> None:
    asked = run("views", "top", LOCAL_DATABASE_DIR=str(tmp_path / "pg"), VIEWS_SCHEMA="mistyped", DATABASE_URL="")
    assert asked.returncode == 10
    assert "hint: " in asked.stderr
    assert "python app.py views init-db" in asked.stderr
