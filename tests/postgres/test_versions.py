"""Tests of catalogue and views against each major version of PostgreSQL: elsewhere they run against one of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import VERSIONS
from tests.postgres import versions

ROOT = Path(__file__).parents[2]
RECORDS = "tests/catalogue/kafka_job/test_records.py"
SOME = (
    "tests/postgres/test_migrations.py",
    "tests/catalogue/generate/test_loaded.py",
    f"{RECORDS}::test_records_become_rows_and_the_next_load_continues_after_them",
    f"{RECORDS}::test_a_tombstone_marks_a_row_as_gone_and_a_later_record_returns_it",
    f"{RECORDS}::test_wrong_records_are_rejected_with_their_place_and_everything_wrong",
    "tests/catalogue/load/test_again.py",
    "tests/catalogue/load/test_load.py",
    "tests/catalogue/query/test_run.py",
    "tests/catalogue/web/test_routes.py",
    "tests/views/answers/test_items.py",
    "tests/views/answers/test_similar.py",
    "tests/views/answers/test_trend.py",
    "tests/views/job/test_batches.py",
    "tests/views/schema/test_schema.py",
)
ALL = (
    *SOME,
    RECORDS,
    "tests/postgres/test_connect.py",
    "tests/catalogue/commands",
    "tests/catalogue/load/test_killed.py",
    "tests/views/commands/test_answers.py",
    "tests/views/verify",
    "tests/views/web/test_routes.py",
)
MARKED = "database and not slow"


# The oldest one each time: the newest is that of the local database, which all other tests use.
EACH = [
    pytest.param(min(versions.MAJORS), SOME, marks=pytest.mark.slow),
    *[pytest.param(major, ALL, marks=pytest.mark.long) for major in versions.MAJORS],
]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("major", "tests"), EACH)
def test_the_tests_of_catalogue_and_views_pass_against_each_major_version(
    major: int, tests: tuple[str, ...], bootstrap_servers: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    with versions.running(major, tmp_path) as (url, version):
        told = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", MARKED, *tests],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": url, "BOOTSTRAP_SERVERS": bootstrap_servers},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    assert told.returncode == 0, told.stdout
    assert f"PostgreSQL of these tests: DATABASE_URL, {version}\n" in told.stdout
    assert version.startswith(f"{major}.")
    before = pytestconfig.stash.get(VERSIONS, "")
    pytestconfig.stash[VERSIONS] = f"{before}, {version}" if before else version
