"""The API of the catalogue, asked over HTTP."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from metrics.postgres.connect import connect
from tests.catalogue.web.serving import create_tables, expect_problem, serving, wrong_fields

HEAT = {"title": "Heat", "duration_mins": 170, "original_language": "en", "size_mb": 2_000}
RAN = {"title": "Ran", "duration_mins": 160, "original_language": "ja", "size_mb": 1_800}
SUMS = ("read", "inserted", "updated", "unchanged", "repeated", "rejected")


@pytest.fixture
def client(database_url: str) -> Iterator[httpx.Client]:
    """Serve a catalogue whose tables are empty."""
    create_tables(database_url)
    with serving(database_url) as client:
        yield client


def sums(load: dict[str, Any]) -> list[int]:
    assert load["read"] == sum(load[name] for name in SUMS[1:])
    return [load[name] for name in SUMS]


def session(user: str, start: str, end: str, movie: str = "Heat", size_mb: float = 500) -> dict[str, Any]:
    return {"user_email": user, "movie_title": movie, "start_at": start, "end_at": end, "size_mb": size_mb}


def post(client: httpx.Client, model: str, *records: Any, **parameters: str) -> httpx.Response:
    return client.post(f"/catalogue/{model}", json=records, params=parameters)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with closing(connect(url)) as connection:
        return connection.execute(query.encode()).fetchall()


def test_records_are_inserted_updated_or_left_as_they_are(client: httpx.Client, database_url: str) -> None:
    first = post(client, "movie", HEAT, RAN)
    assert (first.status_code, first.headers["Location"]) == (201, "/catalogue/loads/1")
    assert sums(first.json()) == [2, 2, 0, 0, 0, 0]
    second = post(client, "movie", HEAT | {"size_mb": 2_100}, RAN, RAN)
    assert sums(second.json()) == [3, 0, 1, 1, 1, 0]
    assert rows(database_url, "SELECT title, size_mb FROM movie ORDER BY title") == [("Heat", 2_100), ("Ran", 1_800)]
    assert client.get("/catalogue/loads/2").json() == {
        name: value for name, value in second.json().items() if name not in ("rejected_by_reason", "same_as")
    }


def test_the_same_body_sent_again_loads_nothing(client: httpx.Client) -> None:
    post(client, "movie", HEAT)
    again = post(client, "movie", HEAT)
    assert (again.status_code, again.json()["same_as"], again.json()["id"]) == (200, 1, 1)
    assert len(client.get("/catalogue/loads").json()["loads"]) == 1


def test_json_lines_are_loaded_and_empty_ones_are_skipped(client: httpx.Client) -> None:
    body = f"{json.dumps(HEAT)}\n\n{json.dumps(RAN)}".encode()
    answer = client.post("/catalogue/movie", content=body, headers={"Content-Type": "application/x-ndjson"})
    assert (answer.status_code, sums(answer.json())) == (201, [2, 2, 0, 0, 0, 0])


def test_more_records_than_a_request_may_load_are_refused_as_a_whole(client: httpx.Client, database_url: str) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    body = f"{json.dumps(HEAT)}\n".encode() + b"1\n" * 100_000
    answer = client.post("/catalogue/movie?max_rejected=100%25", content=body, headers=headers)
    assert expect_problem(answer, 413)["detail"] == (
        "the body has more than 100,000 lines; send it in parts, or load it as a file: python app.py catalogue load"
    )
    assert rows(database_url, "SELECT FROM movie") == rows(database_url, "SELECT FROM catalogue_rejected") == []
    assert client.get("/catalogue/loads/1").json()["state"] == "failed"


def test_if_too_many_records_are_wrong_nothing_is_loaded_and_each_is_named(client: httpx.Client) -> None:
    wrong = {"title": "", "duration_mins": 0}
    answer = post(client, "movie", HEAT, wrong, [])
    assert wrong_fields(answer) == {
        "record 2": 'title must be text of 1 to 255 characters, not ""; duration_mins must be a whole number, 1 to '
        "2147483647, not 0; original_language is missing; size_mb is missing",
        "record 3": "the record must be an object, not []",
    }
    assert answer.json()["detail"].startswith("2 of 3 records are wrong, so nothing was loaded: the limit is 10%; see ")
    kept = client.get("/catalogue/rejected?load=1").json()["rejected"]
    assert [json.loads(record["record"]) for record in kept] == [wrong, []]
    assert [load["state"] for load in client.get("/catalogue/loads").json()["loads"]] == ["failed"]
    allowed = post(client, "movie", HEAT, wrong, [], max_rejected="2")
    assert (allowed.status_code, sums(allowed.json())) == (201, [3, 1, 0, 0, 0, 2])
    assert allowed.json()["rejected_by_reason"] == {"field": 2}


def test_times_without_an_offset_need_a_zone(client: httpx.Client, database_url: str) -> None:
    one = session("a@b.c", "2021-12-06T20:00:00", "2021-12-06T21:00:00")
    assert "start_at must be a time with an offset" in wrong_fields(post(client, "stream", one))["record 1"]
    assert post(client, "stream", one, time_zone="Europe/Berlin").status_code == 201
    assert rows(database_url, "SELECT start_at::text FROM stream") == [("2021-12-06 19:00:00+00",)]
    assert "IANA" in wrong_fields(post(client, "stream", one, time_zone="Mars"))["time_zone"]


def test_the_same_body_is_loaded_again_if_the_parameters_judge_its_rejected_records(client: httpx.Client) -> None:
    body = [session(f"{number}@b.c", "2021-12-06T20:00:00Z", "2021-12-06T21:00:00Z") for number in range(19)]
    body.append(session("z@b.c", "2021-12-06T20:00:00", "2021-12-06T21:00:00"))
    assert sums(post(client, "stream", *body).json()) == [20, 19, 0, 0, 0, 1]
    assert post(client, "stream", *body).json()["same_as"] == 1
    assert sums(post(client, "stream", *body, time_zone="UTC").json()) == [20, 1, 0, 19, 0, 0]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is not a JSON array"),
        (b"[1, 2", "cannot be read completely as JSON"),
        (b"{}", "is not a JSON array"),
        (b'[{"title": "\xff"}]', "is not UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "is nested too deeply"),
    ],
)
def test_a_body_that_cannot_be_read_completely_loads_nothing(client: httpx.Client, body: bytes, why: str) -> None:
    answer = client.post("/catalogue/movie", content=body, headers={"Content-Type": "application/json"})
    assert why in expect_problem(answer, 422)["detail"]
    assert [load["state"] for load in client.get("/catalogue/loads").json()["loads"]] == ["failed"]


def test_a_record_that_is_nested_too_deeply_or_has_a_nul_is_rejected_as_any_other(client: httpx.Client) -> None:
    deep = "[" * 990 + "]" * 990  # as deep as may be, in whatever reads it
    lines = [deep, "[" * 5_000, json.dumps(HEAT | {"title": "a\0b"}), '{"title": "\\ud800"}']
    headers = {"Content-Type": "application/x-ndjson"}
    answer = client.post("/catalogue/movie", content="\n".join(lines), headers=headers)
    assert [*wrong_fields(answer)] == ["line 1", "line 2", "line 3", "line 4"]
    assert len(client.get("/catalogue/rejected").json()["rejected"]) == 4


def test_a_body_of_another_type_or_too_long_is_refused(client: httpx.Client) -> None:
    for headers in (
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ):
        expect_problem(client.post("/catalogue/movie", content=b"[]", headers=headers), 415)
    json_type = {"Content-Type": "application/json"}
    parts = (b" " * (1 << 20) for _ in range(65))
    assert (
        "67,108,864 bytes"
        in expect_problem(client.post("/catalogue/movie", content=parts, headers=json_type), 413)["detail"]
    )
    too_long = client.post("/catalogue/movie", content=b" " * (64 << 20) + b"[]", headers=json_type)
    expect_problem(too_long, 413)
    assert client.get("/catalogue/loads").json() == {"loads": [], "has_more": False}


def test_loads_are_listed_the_newest_first_and_read_on_by_id(client: httpx.Client) -> None:
    for number in range(3):
        post(client, "movie", HEAT | {"size_mb": number})
    post(client, "user", {"email": "a@b.c", "first_name": "A", "last_name": "B"})
    first = client.get("/catalogue/loads?limit=2").json()
    assert ([load["id"] for load in first["loads"]], first["has_more"]) == ([4, 3], True)
    rest = client.get("/catalogue/loads?limit=2&before=3").json()
    assert ([load["id"] for load in rest["loads"]], rest["has_more"]) == ([2, 1], False)
    assert [load["id"] for load in client.get("/catalogue/loads?model=user").json()["loads"]] == [4]
    header, newest, *_ = csv.reader(io.StringIO(client.get("/catalogue/loads", headers={"Accept": "text/csv"}).text))
    cells = dict(zip(header, newest, strict=True))
    assert (cells["id"], cells["model"], cells["state"], cells["inserted"], cells["remarks"]) == (
        "4", "user", "done", "1", "[]",
    )  # fmt: skip


def test_an_unknown_load_is_a_problem(client: httpx.Client) -> None:
    assert "there is no load 7" in expect_problem(client.get("/catalogue/loads/7"), 404)["detail"]
    for wrong in ("0", "x", "99999999999999999999"):
        assert [*wrong_fields(client.get(f"/catalogue/loads/{wrong}"))] == ["load_id"]


def test_rejected_records_are_read_on_in_their_order_newest_load_first(client: httpx.Client) -> None:
    for name in ("a", "b"):
        post(client, "movie", *[[name, number] for number in range(3)], max_rejected="100%")
    post(client, "user", [0], max_rejected="100%")
    found: list[str] = []
    after: dict[str, int] = {}
    for _ in range(4):
        answer = client.get("/catalogue/rejected", params={"limit": 2} | after).json()
        found += [record["record"] for record in answer["rejected"]]
        after = {"after": answer["rejected"][-1]["id"]}
        assert answer["has_more"] == (len(found) < 7)
    assert found == ["[0]", '["b",0]', '["b",1]', '["b",2]', '["a",0]', '["a",1]', '["a",2]']
    assert client.get("/catalogue/rejected?model=user&format=csv").text == (
        "id,load_id,model,position,reason,detail,record\n"
        '7,3,user,record 1,field,"the record must be an object, not [0]",[0]\n'
    )
    assert client.get("/catalogue/rejected?load=1&limit=1").json()["rejected"][0]["record"] == '["a",0]'


def test_an_answer_with_rejected_records_has_a_limited_size(client: httpx.Client) -> None:
    for number in range(3):
        post(client, "movie", ["x" * (10 << 20), number], max_rejected="100%")
    answer = client.get("/catalogue/rejected").json()
    assert ([record["load_id"] for record in answer["rejected"]], answer["has_more"]) == ([3], True)


def test_a_query_is_answered_with_its_defaults_or_with_given_values(client: httpx.Client) -> None:
    post(
        client,
        "stream",
        session("a@b.c", "2021-12-06T10:00:00+00:00", "2021-12-06T11:00:00+00:00"),
        session("A@B.C", "2021-12-06T12:00:00+00:00", "2021-12-06T13:00:00+00:00"),
        session("d@e.f", "2021-12-06T10:59:59+00:00", "2021-12-06T12:00:01+00:00"),
    )
    asked = {"movie": "HEAT", "from": "2021-12-06T11:00:00Z", "to": "2021-12-06T12:00:00Z"}
    answer = client.get("/catalogue/queries/outage-users", params=asked)
    assert answer.json() == {
        "query": "outage-users",
        "parameters": asked,
        "time_zone": "UTC",
        "columns": [{"name": "users", "type": "int8"}],
        "rows": [{"users": 1}],
        "has_more": False,
    }
    local = {"from": "2021-12-06T11:00:00", "to": "2021-12-06T12:00:00", "time_zone": "Europe/Berlin"}
    assert client.get("/catalogue/queries/outage-users", params=asked | local).json()["rows"] == [{"users": 2}]
    assert client.get("/catalogue/queries/outage-users").json()["rows"] == [{"users": 0}]
    mean = client.get("/catalogue/queries/mean-session-seconds")
    assert '"rows":[{"mean_session_s":3600.667}]' in mean.text
    assert client.get("/catalogue/queries/mean-session-seconds?format=csv").text == "mean_session_s\n3600.667\n"


def test_without_records_an_answer_may_be_null(client: httpx.Client) -> None:
    assert client.get("/catalogue/queries/median-size-gb").json()["rows"] == [{"median_size_gb": None}]
    assert (
        client.get("/catalogue/queries/median-size-gb", headers={"Accept": "text/csv"}).text == 'median_size_gb\n""\n'
    )


def test_queries_are_listed_with_their_parameters(client: httpx.Client) -> None:
    queries = {query["name"]: query for query in client.get("/catalogue/queries").json()["queries"]}
    assert [*queries] == sorted(queries)
    assert len(queries) == 6
    assert [parameter["name"] for parameter in queries["outage-users"]["parameters"]] == ["movie", "from", "to"]


def test_every_wrong_parameter_of_a_query_is_named(client: httpx.Client) -> None:
    path = "/catalogue/queries/outage-users"
    assert [*wrong_fields(client.get(f"{path}?film=Heat&form=csv"))] == ["film", "form"]
    month = "/catalogue/queries/movies-by-nationality?month"
    for value in ("", "2021-13", "2021-1", "21-12"):
        assert wrong_fields(client.get(f"{month}={value}")) == {"month": "Must be of the form of 2021-12"}
    assert [*wrong_fields(client.get(f"{path}?movie=%00"))] == ["movie"]
    assert wrong_fields(client.get(f"{path}?from=1&from=2")) == {"from": "give it once"}
    assert wrong_fields(client.get(f"{path}?format=xml")) == {"format": "Input should be 'json' or 'csv'"}
    assert "Europe/Berlin" in wrong_fields(client.get(f"{path}?time_zone=Berlin"))["time_zone"]
    for value in ("soon", "2021-13-01T00:00:00Z"):
        detail = expect_problem(client.get(path, params={"from": value}), 422)["detail"]
        assert detail.startswith("a parameter cannot be read: ")
        assert detail.endswith(f'"{value}"; write a time such as 2021-12-25T07:00:00+01:00')
    assert "cannot be read" in expect_problem(client.get(path, params={"from": "a\0b"}), 422)["detail"]
    expect_problem(client.get(path, headers={"Accept": "text/html"}), 406)
    assert "did you mean outage-users?" in expect_problem(client.get("/catalogue/queries/outage"), 404)["detail"]


def test_only_shipped_queries_run_and_values_are_never_sql(client: httpx.Client, database_url: str) -> None:
    sql = "SELECT pg_read_file('PG_VERSION')"
    for path in (f"/catalogue/queries/{sql}", "/catalogue/queries/-", "/catalogue/queries/..%2Fschema%2F001_tables"):
        expect_problem(client.get(path), 404)
    assert client.post("/catalogue/queries/outage-users", content=sql).status_code == 405
    assert client.post("/catalogue/queries", content=sql).status_code == 405
    path = "/catalogue/queries/outage-users"
    for name in ("f", "file", "sql", "q"):
        assert [*wrong_fields(client.get(path, params={name: sql}))] == [name]
    for value in ("x' OR '1'='1", "'; DROP TABLE movie --", "$1", ":from"):
        assert client.get(path, params={"movie": value}).json()["rows"] == [{"users": 0}]
    assert [*wrong_fields(client.get(path, params={"time_zone": "UTC'; DROP TABLE movie --"}))] == ["time_zone"]
    assert rows(database_url, "SELECT count(*) FROM movie") == [(0,)]


def test_other_methods_and_models_are_refused(client: httpx.Client) -> None:
    loads = client.put("/catalogue/loads")
    assert (loads.status_code, loads.headers["Allow"]) == (405, "GET, HEAD")
    movie = client.get("/catalogue/movie")
    assert (movie.status_code, movie.headers["Allow"]) == (405, "POST")
    assert "movie, stream, user, author, book and review" in expect_problem(post(client, "film"), 404)["detail"]
    assert client.head("/catalogue/loads").status_code == 200


def test_without_a_token_only_this_machine_may_load(database_url: str) -> None:
    create_tables(database_url)
    with serving(database_url, is_loopback=False) as client:
        assert client.get("/catalogue/loads").status_code == 200
        assert "set API_TOKEN" in expect_problem(post(client, "movie", HEAT), 403)["detail"]
    with serving(database_url, token="secret", is_loopback=False) as client:
        expect_problem(post(client, "movie", HEAT), 401)
        client.headers["Authorization"] = "Bearer secret"
        assert post(client, "movie", HEAT).status_code == 201
        foreign = client.post("/catalogue/movie", json=[RAN], headers={"Origin": "http://elsewhere"})
        expect_problem(foreign, 403)
        client.headers.pop("Authorization")
    assert rows(database_url, "SELECT title FROM movie") == [("Heat",)]
