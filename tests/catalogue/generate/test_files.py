import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from metrics.catalogue.generate import files, reference
from metrics.catalogue.generate.reference import Period
from metrics.wording.errors import FileError, SettingsError
from tests.catalogue.generate import slow_load
from tests.test_app import PROJECT, run

SIX = (
    "internal/movies.csv",
    "internal/streams.csv",
    "internal/users.csv",
    "vendor/authors.json",
    "vendor/books.json",
    "vendor/reviews.json",
)


def generate(folder: Path, *, scale: int = 1, seed: int = 0, move: Callable[[int], None] = lambda _: None) -> int:
    return files.write(folder, scale=scale, seed=seed, move=move)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run with scale 1 and seed 0."""
    path = tmp_path_factory.mktemp("generated") / "catalogue"
    generate(path)
    return path


@pytest.fixture(scope="module")
def answers(folder: Path) -> Any:
    return json.loads((folder / "answers.json").read_text(encoding="utf-8"))


def test_csv_files_are_written_as_the_real_ones_are(folder: Path) -> None:
    movies = (folder / "internal/movies.csv").read_text(encoding="utf-8")
    assert movies.startswith("title,duration_mins,original_language,size_mb\n")
    assert '\n"The Lamp, the Ladder and the Lake",' in movies
    assert '\n"The ""Last"" Waltz",' in movies
    assert movies.endswith("\n")
    assert "\r" not in movies
    users = (folder / "internal/users.csv").read_text(encoding="utf-8")
    assert users.startswith("first_name,last_name,email\n")
    assert "\nDunja,Eklund,dunja.eklund@elm.example\n" in users
    assert '\nAda,"Abara, Jr.",ada.abara@amber-lane.example\n' in users
    streams = (folder / "internal/streams.csv").read_text(encoding="utf-8")
    assert streams.startswith("movie_title,user_email,size_mb,start_at,end_at\n")
    assert (
        "\nUnforgiven,birgit.ertz@dunes-dale.example,103.0,2021-12-25T07:00:00.000+0100,2021-12-25T07:00:00.000+0100\n"
    ) in streams


def test_json_files_are_written_as_the_real_ones_are(folder: Path) -> None:
    books = (folder / "vendor/books.json").read_text(encoding="utf-8")
    assert books.startswith('[\n    {\n        "name":"')
    assert books.endswith('"\n    }\n]')
    assert '"name":"L\'Été",\n        "pages":' in books
    authors = (folder / "vendor/authors.json").read_text(encoding="utf-8")
    assert (
        '            "died_at":null\n'
        "        },\n"
        '        "nationalities":[\n'
        "            {\n"
        '                "id":null,\n'
        '                "label":"",\n'
        '                "slug":null\n'
        "            },\n"
        "            {\n"
    ) in authors
    reviews = (folder / "vendor/reviews.json").read_text(encoding="utf-8")
    assert (
        '        "movies":[\n'
        "            {\n"
        '                "id":0,\n'
        '                "title":"end"\n'
        "            },\n"
        "            {\n"
        '                "id":0,\n'
        '                "title":"RETURN TO THE HARBOUR"\n'
        "            }\n"
        "        ],\n"
        '        "updated":"2021-12-'
    ) in reviews
    assert '"metadata":{\n                    "title":"' in reviews


def test_the_files_have_the_sizes_of_the_real_ones_and_every_way_of_being_wrong(answers: Any) -> None:
    assert answers["loads"] == {
        "movie": {
            "file": "internal/movies.csv",
            "read": 101,
            "inserted": 91,
            "repeated": 2,
            "rejected": 8,
            "rejected_by_reason": {"cells": 2, "field": 6},
            "remarks": {},
        },
        "user": {
            "file": "internal/users.csv",
            "read": 798,
            "inserted": 783,
            "repeated": 5,
            "rejected": 10,
            "rejected_by_reason": {"cells": 4, "field": 6},
            "remarks": {},
        },
        "stream": {
            "file": "internal/streams.csv",
            "read": 10_100,
            "inserted": 9_652 + 20,
            "repeated": 108,
            "rejected": 320,
            "rejected_by_reason": {"cells": 40, "field": 260, "order": 20},
            "remarks": {"sessions longer than the movie": 5_219},
        },
        "author": {
            "file": "vendor/authors.json",
            "read": 215,
            "inserted": 200,
            "repeated": 3,
            "rejected": 12,
            "rejected_by_reason": {"field": 12},
            "remarks": {"authors who died before birth": 1, "authors who died in the future": 21},
        },
        "book": {
            "file": "vendor/books.json",
            "read": 113,
            "inserted": 103,
            "repeated": 2,
            "rejected": 8,
            "rejected_by_reason": {"field": 8},
            "remarks": {},
        },
        "review": {
            "file": "vendor/reviews.json",
            "read": 530,
            "inserted": 501 + 5,
            "repeated": 7,
            "rejected": 17,
            "rejected_by_reason": {"field": 13, "movies": 4},
            "remarks": {"reviews updated before their creation": 250},
        },
    }


def rounded(number: Fraction | None, decimals: int) -> float:
    assert number is not None
    return float(math.floor(number * 10**decimals + Fraction(1, 2)) / 10**decimals)


def slow_questions(tables: dict[str, list[Any]]) -> dict[str, Any]:
    """Return the results of the questions over whole tables in memory."""
    movies, streams, reviews = tables["movie"], tables["stream"], tables["review"]
    known = {row.title.lower() for row in movies} & {row.movie_title.lower() for row in streams}
    based = known & {row.movie_title.lower() for row in reviews}
    outage = Period(slow_load.time("2021-12-25T07:00:00.000+0100"), slow_load.time("2021-12-25T12:00:00.000+0100"))
    month = Period(slow_load.time("2021-12-01T00:00:00.000+0000"), slow_load.time("2022-01-01T00:00:00.000+0000"))
    week = Period(slow_load.time("2021-12-25T00:00:00.000+0100"), slow_load.time("2022-01-01T00:00:00.000+0100"))
    of_singaporeans = reference.movies_by_nationality(
        movies, streams, reviews, tables["book"], tables["author"], "singaporeans", month
    )
    median = reference.median_size_gb([row.size_mb for row in streams])
    return {
        "share-based-on-books": {
            "streamed_movies": len(known),
            "based_on_books": len(based),
            "share": rounded(Fraction(len(based), len(known)), 4),
        },
        "outage-users": {"users": len(reference.outage_users(streams, "unforgiven", outage))},
        "movies-by-nationality": {"movies": len(of_singaporeans)},
        "mean-session-seconds": {"mean_session_s": rounded(reference.mean_session_seconds(streams), 3)},
        "median-size-gb": {"median_size_gb": rounded(median, 6)},
        "half-watchers": {"users": len(reference.half_watchers(movies, streams, week))},
    }


@pytest.mark.parametrize(("scale", "seed"), [(1, 0), (1, 1), (3, 2)])
def test_the_answers_are_those_of_a_slow_load_of_the_files(tmp_path: Path, scale: int, seed: int) -> None:
    read = generate(tmp_path, scale=scale, seed=seed)
    answers = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    assert (answers["scale"], answers["seed"]) == (scale, seed)
    tables, accepted = {}, {}
    for model, expected in answers["loads"].items():
        tables[model], counts, accepted[model] = slow_load.load(tmp_path / expected["file"], model)
        assert {name: expected[name] for name in counts} == counts
    assert sum(load["read"] for load in answers["loads"].values()) == read
    results = {name: question["result"] for name, question in answers["questions"].items()}
    assert results == slow_questions(tables)

    remarks = {model: load["remarks"] for model, load in answers["loads"].items() if load["remarks"]}
    longer = slow_load.longer_than_the_movie(accepted["stream"], tables["movie"])
    authors, future = [row for row in accepted["author"] if row.died_at], date(2100, 1, 1)
    assert remarks == {
        "stream": {"sessions longer than the movie": longer},
        "author": {
            "authors who died before birth": sum(row.died_at < (row.birth_date or date.min) for row in authors),
            "authors who died in the future": sum(row.died_at >= future for row in authors),
        },
        "review": {
            "reviews updated before their creation": sum(row.updated_at < row.created_at for row in accepted["review"])
        },
    }
    assert not [row for row in authors if date(2026, 1, 1) < row.died_at < future], "neither past nor future for long"


def test_the_parameters_are_those_of_the_shipped_queries(answers: Any) -> None:
    assert {name: question["parameters"] for name, question in answers["questions"].items()} == {
        "share-based-on-books": {},
        "outage-users": {
            "movie": "Unforgiven",
            "from": "2021-12-25T07:00:00+01:00",
            "to": "2021-12-25T12:00:00+01:00",
        },
        "movies-by-nationality": {"nationality": "singaporeans", "month": "2021-12"},
        "mean-session-seconds": {},
        "median-size-gb": {},
        "half-watchers": {"from": "2021-12-25T00:00:00+01:00", "to": "2022-01-01T00:00:00+01:00"},
    }


def test_a_repeated_record_is_in_another_case_and_at_another_offset_and_sometimes_far_from_the_one_that_counts(
    folder: Path,
) -> None:
    streams = folder / "internal/streams.csv"
    lines: dict[object, list[int]] = {}
    offsets: set[str] = set()
    for line, cells in enumerate(slow_load.records(streams)):
        try:
            row = slow_load.stream(cells)
        except slow_load.WrongError:
            continue
        lines.setdefault((row.start_at, row.user_email.lower(), row.movie_title.lower()), []).append(line)
        offsets.add(cells[3][-5:])
    distances = sorted(last - first for first, *_, last in (found for found in lines.values() if len(found) > 1))
    assert offsets == {"+0100", "+0000"}
    assert distances[-1] > 9_000
    assert distances[0] < 100


def test_there_are_orphans_and_placeholders_of_all_kinds_in_both_places(folder: Path, answers: Any) -> None:
    tables = {model: slow_load.load(folder / loaded["file"], model)[0] for model, loaded in answers["loads"].items()}
    titles = {row.title.lower() for row in tables["movie"]}
    assert {row.movie_title for row in tables["stream"] if row.movie_title.lower() not in titles} == {"Withdrawn"}
    emails = {row.email.lower() for row in tables["user"]}
    assert {row.user_email for row in tables["stream"] if row.user_email.lower() not in emails} == {
        "gone@nowhere.example"
    }
    authors = {row.name.lower() for row in tables["author"]}
    assert sum(row.author.lower() not in authors for row in tables["book"]) == 7
    assert 150 < sum(row.movie_title.lower() not in titles for row in tables["review"]) < 350
    assert {row.nationality for row in tables["author"]} >= {None, "singaporeans"}
    assert {row.birth_date for row in tables["author"]} >= {None}
    places = {
        (place, movies[place]["title"])
        for movies in (record["movies"] for record in slow_load.records(folder / "vendor/reviews.json") if record != 17)
        for place in (0, 1)
        if len(movies) == 2 and movies[place]["title"] in ("end", "", None)
    }
    assert places == {(place, title) for place in (0, 1) for title in ("end", "", None)}


def test_the_same_arguments_give_the_same_bytes_in_any_version_and_on_any_machine(folder: Path) -> None:
    digest = hashlib.sha256()
    for path in (*SIX, "answers.json"):
        digest.update((folder / path).read_bytes())
    assert sorted(contents(folder)) == sorted((*SIX, "answers.json"))
    assert digest.hexdigest() == "e640bc887051c8e1b2419096b763f139d2abc2a749141a2b40d76df79a2585cc"


def test_another_seed_gives_other_files(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path, seed=1)
    before, after = contents(folder), contents(tmp_path)
    assert [path for path in before if before[path] == after[path]] == []


def test_files_of_an_earlier_run_are_replaced_and_others_stay(tmp_path: Path) -> None:
    generate(tmp_path, seed=1)
    (tmp_path / "notes.txt").write_text("mine")
    generate(tmp_path, seed=2)
    generate(other := tmp_path / "other", seed=2)
    assert {path: text for path, text in contents(tmp_path).items() if not path.startswith("other/")} == {
        **contents(other),
        "notes.txt": b"mine",
    }


def test_real_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "internal").mkdir()
    (tmp_path / "internal/users.csv").write_text("real")
    with pytest.raises(FileError, match="has files that were not generated") as caught:
        generate(tmp_path)
    assert caught.value.why == "it has internal/users.csv, but no answers.json, which is generated with them"
    assert contents(tmp_path) == {"internal/users.csv": b"real"}


@pytest.mark.parametrize("last_step", [1, 15, 24, 30, 50])
def test_an_interrupted_run_leaves_the_files_as_they_were(tmp_path: Path, last_step: int) -> None:
    def interrupt(step: int) -> None:
        if step == last_step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "new", move=interrupt)
    assert contents(tmp_path) == {}

    generate(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, seed=1, move=interrupt)
    assert contents(tmp_path) == before


def test_progress_ends_with_the_last_step(tmp_path: Path) -> None:
    steps: list[int] = []
    generate(tmp_path, scale=2, move=steps.append)
    assert steps == list(range(1, files.steps_of(2) + 1))


def test_wrong_options_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        generate(tmp_path, scale=0, seed=-1)
    assert caught.value.why.splitlines() == [
        "--scale 0: must be a whole number, 1 to 100000",
        "--seed -1: must be a whole number, 0 or more",
    ]
    assert contents(tmp_path) == {}


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = run("catalogue", "generate", tmp_path / "file")
    assert found.returncode == 3
    assert "cannot be written" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_command_says_where_the_files_and_the_answers_are(tmp_path: Path) -> None:
    found = run("catalogue", "generate", tmp_path / "made", "--seed", "3")
    assert (found.returncode, found.stderr) == (0, "")
    first, second = found.stdout.splitlines()
    assert first.startswith(f"wrote {tmp_path / 'made'}: 11,857 records in ")
    assert second == f"the answers are in {tmp_path / 'made' / 'answers.json'}"


def peak_kb(folder: Path, scale: int) -> int:
    """Return the peak of the resident memory of a run, in a process of its own."""
    program = (
        "import resource, sys; from pathlib import Path; from metrics.catalogue.generate import files;"
        "files.write(Path(sys.argv[1]), scale=int(sys.argv[2]), seed=0, move=lambda _: None);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", program, str(folder), str(scale)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=170, check=True)
    return int(done.stdout)


@pytest.mark.slow
def test_memory_grows_with_the_users_alone(tmp_path: Path) -> None:
    # 20 times the users: 15,000 more emails in a set, some 2 MB; the sessions would take 100 MB
    assert peak_kb(tmp_path / "large", 20) - peak_kb(tmp_path / "small", 1) < 10_000
