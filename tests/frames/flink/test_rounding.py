"""Averages on Flink: the expressions of window.sql round as Python's `round` does."""

from collections.abc import Iterator
from itertools import islice
from math import gcd
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.frames.flink.gateway import session
from metrics.frames.flink.script import statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.sizes import SIZES
from tests.examples import examples
from tests.frames.flink.cluster import Cluster

pytestmark = pytest.mark.flink

CASES = 20_000
ROUNDED = ("seconds_divided", "seconds_rounded", "seconds_written")  # the views that only compute
IN_A_LITERAL = 2_000  # a constant of Java has at most 65,535 bytes

Case = tuple[int, int]


def cases(random: Random) -> Iterator[Case]:
    """Yield totals and numbers of windows: exact ties, their neighbours, and any; and what is nearest to a tie."""
    while True:
        windows = random.choice((random.randrange(1, 3_000), 16, 80, 400, 2_000, 86_400, 86_400 * 365))
        tie = windows // gcd(windows, 2_000)
        for total in (tie * random.randrange(40), tie * random.randrange(10**7), random.randrange(10**11)):
            yield total, windows
            yield total + 1, windows
        yield beside_a_tie(random)


def beside_a_tie(random: Random) -> Case:
    """Return a quotient that is as near to a tie as can be: so near that its double may be at the tie, or beyond it.

    That is 10,000,000 frames a second after some days, or fewer after more days.
    """
    windows = random.choice((random.randrange(10**5), random.randrange(10**7))) * 10 + random.choice((1, 3, 7, 9))
    side = random.choice((-1, 1))
    odd = -side * pow(windows, -1, 2_000) % 2_000 + 2_000 * random.randrange(10 ** random.randrange(1, 8))
    total, rest = divmod(odd * windows + side, 2_000)
    assert rest == 0
    return total, windows


def averages(flink: Cluster, wanted: list[Case]) -> dict[Case, str]:
    """Return the averages as Flink writes them, from one statement."""
    chunks = [wanted[start : start + IN_A_LITERAL] for start in range(0, len(wanted), IN_A_LITERAL)]
    literals = ", ".join("'" + ",".join(f"{total}/{windows}" for total, windows in chunk) + "'" for chunk in chunks)
    rows = f"""CREATE TEMPORARY VIEW seconds_rows AS
        SELECT CAST(0 AS BIGINT) AS start_s, CAST(SPLIT_INDEX(c, '/', 0) AS BIGINT) AS total,
          CAST(SPLIT_INDEX(c, '/', 1) AS BIGINT) AS windows
        FROM UNNEST(ARRAY[{literals}]) AS chunks(chunk) CROSS JOIN UNNEST(SPLIT(chunk, ',')) AS cases(c)"""
    views = [text for text in statements(FlinkSettings(bootstrap_servers="")) if text.split()[3] in ROUNDED]
    assert len(views) == len(ROUNDED)
    with session(flink.url) as gateway:
        for statement in (rows, *views):
            gateway.run(statement)
        found = gateway.run("SELECT total, windows, average FROM seconds_written").rows
    return {(row["total"], row["windows"]): row["average"] for row in found}


@settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 2**32))
def test_averages_are_rounded_as_python_rounds(flink: Cluster, seed: int) -> None:
    wanted = list(islice(cases(Random(seed)), CASES))
    found = averages(flink, wanted)
    assert found == {(total, windows): str(round(total / windows, 3)) for total, windows in wanted}


def test_a_double_beyond_a_tie_is_rounded_as_the_double(flink: Cluster) -> None:
    assert averages(flink, [(10_009_430_096_591, 1_000_943)]) == {(10_009_430_096_591, 1_000_943): "10000000.096"}


def test_each_window_size_rounds_by_the_same_expressions() -> None:
    found = [
        text for text in statements(FlinkSettings(bootstrap_servers="")) if text.startswith("CREATE TEMPORARY VIEW")
    ]
    for view in ROUNDED:
        name = view.removeprefix("seconds_")
        same = {text.replace(size.plural, "") for size in SIZES for text in found if f"{size.plural}_{name} AS" in text}
        assert len(same) == 1
