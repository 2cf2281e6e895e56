"""Measured loads of the catalogue: the files, a small run with its side, and the targets."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmark import process
from benchmark.catalogue import files, loading
from benchmark.catalogue.files import Sums
from benchmark.catalogue.runs import Run, RunError, Runner, written_in
from benchmark.catalogue.sides import SIDES, Side, load
from benchmark.database import running
from benchmark.page import Findings
from metrics.postgres.connect import connect
from tests.benchmark.test_commands import run as run_command

OURS, ORIGINAL, *_ = SIDES
NEVER = datetime(1, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder = tmp_path_factory.mktemp("loads")
    with running(folder / "postgres") as server:
        yield Runner(server, {None: Path(sys.executable)}, files.movies(folder))


def test_sessions_come_again_a_month_later_each_time(tmp_path: Path) -> None:
    path, sums = files.sessions(tmp_path, 3)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    month = len(rows) // 3
    assert sums.rows == len(rows) == 3 * month
    assert sums.size == sum(round(float(row["size_mb"]) * 1000) for row in rows)
    starts = [datetime.fromisoformat(row["start_at"]) for row in rows]
    assert sums.first_at == min(starts)
    assert sums.last_at == max(datetime.fromisoformat(row["end_at"]) for row in rows)
    assert {(after - before).days for before, after in zip(starts, starts[month:], strict=False)} == {31}
    keys = {
        (start, row["user_email"].lower(), row["movie_title"].lower()) for start, row in zip(starts, rows, strict=True)
    }
    assert len(keys) == len(rows)
    assert files.sessions(tmp_path, 3) == (path, sums), "the second time, the file is there"


def test_reviews_are_an_array_of_about_the_size_that_was_asked_for(tmp_path: Path) -> None:
    path, count = files.reviews(tmp_path, 1)
    records = json.loads(path.read_bytes())
    assert len(records) == count
    assert len({record["created"] for record in records}) == count
    assert path.stat().st_size == pytest.approx(1_000_000, rel=0.02)


@pytest.mark.database
def test_a_load_is_measured_and_compared_with_its_file(runner: Runner, tmp_path: Path) -> None:
    file, sums = files.sessions(tmp_path, 1)
    run, problems = runner.run(OURS, file, sums)
    assert problems == []
    assert run.rows == sums.rows
    assert 0 < run.client_s < 30
    assert 0 < run.server_s < 30
    assert run.log_bytes > 200 * run.rows
    assert 20e6 < run.peak_rss_bytes < 120e6
    other = Sums(sums.rows + 1, sums.size, sums.first_at, sums.last_at)
    _, [problem] = runner.run(OURS, file, other)
    assert f"rows={sums.rows}," in problem
    assert f"instead of Sums(rows={sums.rows + 1}," in problem


@pytest.mark.database
def test_processor_time_of_backends_that_have_ended_is_counted(runner: Runner) -> None:
    with runner.server.database() as url:
        before_s = runner.server.settled_cpu_s()
        with closing(connect(url)) as connection:
            connection.execute("SELECT count(*) FROM generate_series(1, 3000000)")
        assert runner.server.settled_cpu_s() - before_s > 0.1


@pytest.mark.database
def test_an_unchanged_file_writes_no_row_and_locks_none(runner: Runner, tmp_path: Path) -> None:
    file, sums = files.sessions(tmp_path, 1)
    with runner.server.database() as url:
        runner.prepare(url)
        first = runner.measured("ours", load("stream", file), sums.rows, url)
        before = written_in(url)
        again = runner.measured("ours", load("stream", file, "--again"), sums.rows, url)
        assert before == written_in(url) == (1, 0)
        assert again.log_bytes < first.log_bytes / 5, "that of the load itself"
        with closing(connect(url)) as connection:
            connection.execute("SELECT FROM stream LIMIT 1 FOR UPDATE")
            connection.execute("UPDATE stream SET size_mb = 0 WHERE ctid = '(0,2)'")
        # What such a load would leave: a row that it locked, and one that it wrote, which the trigger had locked.
        assert written_in(url) == (2, 2)


@pytest.mark.database
def test_a_side_that_fails_ends_the_benchmark_with_its_words(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "streams.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(RunError, match="ours failed: exit code 3") as failed:
        runner.run(OURS, file, Sums(1, 0, NEVER, NEVER))
    assert "has no columns" in failed.value.why
    with pytest.raises(RunError, match="the environment of sqlmodel cannot be created"):
        runner.run(ORIGINAL, file, Sums(1, 0, NEVER, NEVER))


def run(name: str, *, rows: int = 1_000_000, cpu_s: float = 8.0, rss_mb: float = 55.0) -> Run:
    return Run(name, rows, cpu_s, cpu_s / 2, cpu_s / 2, int(rss_mb * 1e6), 0)


def test_targets_are_judged_by_medians_of_rates_and_the_maximum_of_memory() -> None:
    good = [run("ours", cpu_s=9), run("ours", cpu_s=8), run("ours", cpu_s=80), run("sqlmodel", rows=1_000, cpu_s=1)]
    assert loading.missed([*good, run("ours, a tenth", rows=100_000, rss_mb=53)]) == []
    slow = [run("ours", cpu_s=20), run("sqlmodel", rows=1_000, cpu_s=1)]
    assert loading.missed(slow) == [
        "50,000 rows per CPU s, instead of 100,000",
        "50 times sqlmodel, instead of 100",
    ]
    assert loading.missed([*good, run("ours, a tenth", rss_mb=51)]) == ["memory grows with the size, by 4.0 MB"]
    assert loading.missed([*good, run("ours, reviews of 100 MB", rss_mb=61)]) == ["61.0 MB, instead of 60"]


def test_findings_show_each_load_once_and_what_was_missed() -> None:
    found = loading.Loading(runs=[run("ours"), run("ours", cpu_s=10), run("dlt", cpu_s=100)], problems=["too slow"])
    lines = found.as_markdown().splitlines()
    assert lines[2] == "| ours | 1,000,000 | 112,500 | 112,500 | 4.50 | 4.50 | 9.00 | 55.0 | 0.0 |"
    assert lines[3] == "| dlt | 1,000,000 | 10,000 | 10,000 | 50.00 | 50.00 | 100.00 | 55.0 | 0.0 |"
    assert lines[-1] == "- missed: too slow"
    assert any(
        line.endswith("by key (`ours`: 11.2 times as fast by processor time, 11.2 times by the clock)")
        for line in lines
    )
    assert isinstance(found, Findings)


@pytest.mark.parametrize("side", [side for side in SIDES if side.packages])
def test_each_peer_is_a_program_with_pinned_packages(side: Side) -> None:
    command = side.command(Path("python"), Path("streams.csv"))
    assert (process.PROJECT / f"{command[2].replace('.', '/')}.py").is_file()
    assert all(
        "==" in line
        for line in (process.PROJECT / f"benchmark/peers/{side.packages}.requirements.txt").read_text().splitlines()
    )


def test_help_has_an_example() -> None:
    assert "pipenv run bench catalogue --" in run_command("catalogue", "--help").stdout
