"""The routes that answer: JSON, CSV and problems."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from metrics.views.settings import ViewsSettings
from metrics.views.web.kept_similar import KEPT_S, KeptSimilar
from tests.catalogue.web.serving import expect_problem, wrong_fields
from tests.kafka.application import wait_until
from tests.views.filled import NOON, Watched, fill, open_tables
from tests.views.web.asked import asking, database_of

BIG = 2**53 + 1
EVENTS = [
    Watched(1, 7, number=3),
    Watched(1, 7, "streamstart"),
    Watched(2, 7, time=NOON + 7_200),
    Watched(2, BIG, number=5),
]
OF_BIG = {"media_id": str(BIG), "view_time": 150, "starts": 0, "stops": 0, "ends": 0, "viewers": 1}
SEVEN = {"media_id": "7", "view_time": 120, "starts": 1, "stops": 0, "ends": 0, "viewers": 2}


@pytest.fixture
def client(database_url: str) -> Iterator[httpx.Client]:
    with closing(open_tables(database_url)) as connection:
        fill(connection, EVENTS)
    with asking(database_url) as client:
        yield client


def test_answers_are_json_with_ids_as_texts(client: httpx.Client) -> None:
    def asked(path: str) -> Any:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert asked("/views/media") == {"order": "view_time", "media": [OF_BIG, SEVEN], "has_more": False}
    assert asked("/views/media?order=viewers&limit=1") == {"order": "viewers", "media": [SEVEN], "has_more": True}
    assert asked(f"/views/media/{BIG}") == OF_BIG
    viewers = [{"user_id": "1", "view_time": 90}, {"user_id": "2", "view_time": 30}]
    assert asked("/views/media/7/viewers?limit=1") == {"media_id": "7", "viewers": viewers[:1], "has_more": True}
    assert asked("/views/media/7/viewers?after=1") == {"media_id": "7", "viewers": viewers[1:], "has_more": False}
    assert asked("/views/media/7/viewers?order=view_time")["viewers"] == viewers
    score = {"media_id": str(BIG), "score": -1.0}
    assert asked("/views/media/7/similar") == {"media_id": "7", "similar": [score]}
    assert asked("/views/media/7/similar?common=1")["similar"] == [score | {"common": 1}]
    rows = [(90, 1), (0, 0), (30, 0)]
    assert asked("/views/media/7/trend?tz=Europe/Berlin") == {
        "media_id": "7",
        "per": "hour",
        "time_zone": "Europe/Berlin",
        "rows": [
            {"start": f"2025-11-28T{hour}:00:00+01:00", "view_time": view_time, "starts": starts, "stops": 0, "ends": 0}
            for hour, (view_time, starts) in enumerate(rows, 13)
        ],
        "has_earlier": False,
        "later_until": None,
        "minutes_since": None,
    }
    minutes = asked(f"/views/trend?per=minute&from=2025-11-28T12:00&to={NOON + 60}")
    assert [row["view_time"] for row in minutes["rows"]] == [240]
    later = asked(f"/views/trend?per=minute&from=2025-11-28T12:00:00.5Z&to={NOON + 7_260}")
    assert [row["start"] for row in later["rows"]] == ["2025-11-28T14:00:00Z"]
    assert (minutes["minutes_since"], minutes["later_until"]) == (None, "2025-11-28T14:01:00Z")


def test_a_trend_ends_at_the_present_unless_to_is_given(client: httpx.Client, database_url: str) -> None:
    with closing(open_tables(database_url)) as connection:
        fill(connection, [Watched(1, 7), Watched(1, 7, time=9 * NOON)])
    for path in ("/views/trend", "/views/media/7/trend"):
        trend = client.get(f"{path}?per=day").json()
        assert ([row["start"] for row in trend["rows"]], trend["later_until"]) == (
            ["2025-11-28T00:00:00Z"],
            "2473-03-09T00:00:00Z",
        )
        later = client.get(f"{path}?per=day&to={trend['later_until']}&limit=1").json()
        assert (later["rows"][0]["start"], later["later_until"]) == ("2473-03-08T00:00:00Z", None)
        relative = client.get(f"{path}?per=day&from=-20000d&to=now").json()
        assert [row["start"] for row in relative["rows"]] == ["2025-11-28T00:00:00Z"]
        assert client.get(f"{path}?from=-1m&to=now").json()["rows"] == []


def test_tables_come_as_csv_if_that_is_accepted(client: httpx.Client) -> None:
    def asked(path: str) -> list[str]:
        answer = client.get(path, headers={"Accept": "text/csv"})
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        return answer.text.splitlines()

    assert asked("/views/media") == [
        "media_id,view_time,starts,stops,ends,viewers",
        "9007199254740993,150,0,0,0,1",
        "7,120,1,0,0,2",
    ]
    assert asked("/views/media/7/viewers") == ["user_id,view_time", "1,90", "2,30"]
    assert asked("/views/media/7/similar") == ["media_id,score", "9007199254740993,-1.0"]
    assert asked("/views/media/7/similar?common=1") == ["media_id,score,common", "9007199254740993,-1.0,1"]
    assert asked("/views/trend?per=day") == ["start,view_time,starts,stops,ends", "2025-11-28T00:00:00Z,270,1,0,0"]
    assert client.get("/views/media?format=csv").text.startswith("media_id,")
    assert expect_problem(client.get("/views/media", headers={"Accept": "text/html"}), 406)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("media?limit=0", "limit"),
        ("media?limit=1_0", "limit"),
        ("media?limit=%2B3", "limit"),
        ("media/1.0", "media_id"),
        ("media/7/viewers?after=1.0", "after"),
        ("media?order=name", "order"),
        ("media/7?x=1", "x"),
        ("media/9223372036854775808", "media_id"),
        ("media/7/viewers?order=view_time&after=1", "after"),
        ("media/7/similar?limit=1001", "limit"),
        ("media/7/trend?per=week", "per"),
        ("media/7/trend?tz=Berlin", "tz"),
        ("media/7/trend?from=yesterday", "from"),
        ("media/7/trend?from=2025-11-29&to=2025-11-28", "from"),
        ("trend?per=day&tz=Africa/Monrovia&to=1970-01-05", "tz"),
        ("status?x=1", "x"),
    ],
)
def test_wrong_parameters_are_named(client: httpx.Client, query: str, field: str) -> None:
    assert list(wrong_fields(client.get(f"/views/{query}"))) == [field]


@pytest.mark.parametrize("path", ["", "/trend", "/viewers", "/similar"])
def test_an_item_without_events_is_not_found(client: httpx.Client, path: str) -> None:
    expected = "no event about the item 9 was counted; /views/media lists others"
    assert expect_problem(client.get(f"/views/media/9{path}"), 404)["detail"] == expected


def test_without_tables_it_says_how_to_create_them(database_url: str) -> None:
    with asking(database_url) as client:
        for path in ("/views/media", "/views/status"):
            assert "views init-db" in expect_problem(client.get(path), 503)["detail"]
        for path in ("/media/getstats/7/", "/media/getsimilar/7/"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.json()["status"] == "error"
            assert "views init-db" in answer.json()["error"]


def test_similar_items_are_kept_and_shared_for_ten_seconds(database_url: str) -> None:
    now_s = 0.0
    with closing(open_tables(database_url)) as connection:
        fill(connection, EVENTS)

        async def ask() -> None:
            nonlocal now_s
            with closing(database_of(ViewsSettings(database_url=database_url))) as database:
                kept = KeptSimilar(database, lambda: now_s)
                first, second = await asyncio.gather(kept.of(7, 10), kept.of(7, 10))
                assert first is second
                fill(connection, EVENTS[:3])
                now_s = KEPT_S - 0.1
                assert await kept.of(7, 10) is first
                assert await kept.of(7, 9) == []
                now_s = KEPT_S
                assert await kept.of(7, 10) == []

        asyncio.run(ask())


def test_a_failure_is_not_kept_for_long(database_url: str) -> None:
    with asking(database_url) as client:
        expect_problem(client.get("/views/media/7/similar"), 503)
        with closing(open_tables(database_url)) as connection:
            fill(connection, EVENTS)
        wait_until(lambda: client.get("/views/media/7/similar").status_code == 200, "it is asked again")
