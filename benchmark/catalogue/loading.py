"""Loading: the sides in turns, this application at several sizes, and whether the targets are met."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import ClassVar, NamedTuple

from benchmark import page
from benchmark.catalogue import files
from benchmark.catalogue.runs import Run, Runner, written_in
from benchmark.catalogue.sides import ORIGINAL, OURS, SIDES, load
from benchmark.database import running
from benchmark.environments import PEERS, SUFFIX, interpreters
from benchmark.rounds import in_turn
from metrics.terminal.console import say

TARGET_RATE = 100_000
TARGET_RATIO = 100
TARGET_RSS_MB = 60
FLAT_MB = 3
REVIEWS_MB, LONG_REVIEWS_MB = 100, 1_000
TENTH, LONG = 10, 10  # the other sizes of the file: a tenth, ten times

_COLUMNS = (
    "load",
    "rows",
    "rows per CPU s",
    "rows/s",
    "client CPU s",
    "server CPU s",
    "seconds",
    "peak RSS (MB)",
    "log (MB)",
)
_SHOWN = ("dlt", "pg8000", "psycopg", "psycopg2-binary", "SQLAlchemy", "sqlmodel")


class Asked(NamedTuple):
    """What to measure.

    Attributes:
        scale: the file of sessions is this many times the real one.
        rounds: number of runs of each side.
        is_long: also ten times that file, and an array of a gigabyte.
    """

    scale: int = 100
    rounds: int = 3
    is_long: bool = False


class Loading(page.Findings, frozen=True, kw_only=True):
    """Findings: all loads, and the targets that were missed."""

    title: ClassVar[str] = "loading"
    introduction: ClassVar[str] = """\
# Loading the catalogue

How much processor time a load takes, of client and server together, beside the original's design, SQLAlchemy Core and
dlt: the same sessions, the same PostgreSQL, in turns. Each run is a process started cold, on a fresh database.

- **rows/s** is by the clock, with the start of the process; the machine has other work, too.
- **CPU** is user and system time, medians over the rounds; of the server, that of all its processes until the pages of
  the load are on disk (a checkpoint ends each run; autovacuum is off). **Peak RSS** is that of the client, the maximum.
- A slow side loads a part of the sessions, with its start: the rates are per row. After each run, the number of rows,
  the sum of sizes, the first start and the last end are compared with those of the file.
- `unchanged` loads the same file once more: it must write no row, and lock none. `reviews` is a JSON array."""

    runs: list[Run]

    def as_markdown(self) -> str:
        """Return a table of the loads, and the targets."""
        rows = [_row(name, [run for run in self.runs if run.name == name]) for name in dict.fromkeys(_names(self.runs))]
        missed = [f"- missed: {problem}" for problem in self.problems] or ["- all met"]
        sides = [f"- `{side.name}`: {side.what}{_beside(side.name, self.runs)}" for side in SIDES]
        targets = (
            f"Targets: {TARGET_RATE:,} rows per CPU second; {TARGET_RATIO} times `{ORIGINAL}`; {TARGET_RSS_MB} MB, "
            "whatever the size; an unchanged file writes no row."
        )
        return "\n\n".join([page.table(_COLUMNS, rows, _COLUMNS[:1]), "\n".join(sides), targets, "\n".join(missed)])


def _beside(name: str, runs: Sequence[Run]) -> str:
    """Return by how much this application is faster than another side, if both were measured."""
    ours, others = [run for run in runs if run.name == OURS], [run for run in runs if run.name == name != OURS]
    if not ours or not others:
        return ""
    by_cpu, by_clock = _rate(ours) / _rate(others), _pace(ours) / _pace(others)
    return f" (`{OURS}`: {by_cpu:,.1f} times as fast by processor time, {by_clock:,.1f} times by the clock)"


def _rate(runs: Sequence[Run]) -> float:
    return median(run.rate for run in runs)


def _pace(runs: Sequence[Run]) -> float:
    return median(run.rows / run.seconds for run in runs)


def _names(runs: Sequence[Run]) -> list[str]:
    return [run.name for run in runs]


def _row(name: str, runs: Sequence[Run]) -> list[str]:
    return [
        name,
        f"{runs[0].rows:,}",
        f"{_rate(runs):,.0f}",
        f"{_pace(runs):,.0f}",
        f"{median(run.client_s for run in runs):.2f}",
        f"{median(run.server_s for run in runs):.2f}",
        f"{median(run.seconds for run in runs):.2f}",
        f"{max(run.peak_rss_bytes for run in runs) / 1e6:.1f}",
        f"{median(run.log_bytes for run in runs) / 1e6:,.1f}",
    ]


def measured(asked: Asked, cache: Callable[[str], Path]) -> tuple[Loading, list[str]]:
    """Measure; return the findings, and what it ran on, a line each.

    Args:
        cache: returns a folder that is kept, by its name.

    Raises:
        MetricsError: the server cannot be started, or a load failed.
    """
    folder = cache("catalogue")
    pythons = interpreters(cache("environments"), [side.packages for side in SIDES])
    with running(cache("postgres")) as server:
        runner = Runner(server, pythons, files.movies(folder))
        runs, problems = _beside_others(runner, folder, asked)
        for measure in (_sizes, _reviews):
            more, found = measure(runner, folder, asked)
            runs, problems = [*runs, *more], [*problems, *found]
        ran_on = [f"PostgreSQL {server.version}, local, with its own settings", *_versions(pythons)]
    return Loading(runs=runs, problems=[*problems, *missed(runs)]), ran_on


Found = tuple[list[Run], list[str]]


def _beside_others(runner: Runner, folder: Path, asked: Asked) -> Found:
    """Run all sides in each round, in an order of its own."""
    runs, problems = [], []
    for number in range(1, asked.rounds + 1):
        for side in in_turn(SIDES, number):
            run, wrong = runner.run(side, *files.sessions(folder, max(1, asked.scale // side.share)))
            runs.append(_said(run))
            problems += wrong
    return runs, problems


def _sizes(runner: Runner, folder: Path, asked: Asked) -> Found:
    """Load a tenth of the sessions; all of them, and once more without a change; and ten times them if asked."""
    runs, problems = [], []
    tenth = files.sessions(folder, max(1, asked.scale // TENTH))
    file, sums = files.sessions(folder, asked.scale)
    with runner.server.database() as url:
        runner.prepare(url)
        runs.append(_said(runner.measured("ours, a tenth", load("stream", tenth[0]), tenth[1].rows, url)))
    with runner.server.database() as url:
        runner.prepare(url)
        runner.measured("ours", load("stream", file), sums.rows, url)
        before = written_in(url)
        runs.append(_said(runner.measured("ours, unchanged", load("stream", file, "--again"), sums.rows, url)))
        if (after := written_in(url)) != before:
            problems.append(f"an unchanged file wrote rows: {after} instead of {before}")
    if asked.is_long:
        file, sums = files.sessions(folder, LONG * asked.scale)
        with runner.server.database() as url:
            runner.prepare(url)
            runs.append(_said(runner.measured("ours, tenfold", load("stream", file), sums.rows, url)))
    return runs, problems


def _reviews(runner: Runner, folder: Path, asked: Asked) -> Found:
    """Load a JSON array of reviews."""
    megabytes = LONG_REVIEWS_MB if asked.is_long else REVIEWS_MB * asked.scale // 100 or 1
    file, count = files.reviews(folder, megabytes)
    with runner.server.database() as url:
        runner.prepare(url)
        run = runner.measured(f"ours, reviews of {megabytes:,} MB", load("review", file), count, url)
        found = runner.server.count(url, "review")
    return [_said(run)], [] if found == count else [f"{found:,} reviews instead of {count:,}"]


def _said(run: Run) -> Run:
    cpu = f"{run.client_s:.2f} + {run.server_s:.2f} CPU s"
    say(f"{run.name:<26} {run.rate:>9,.0f} rows per CPU s  {cpu:<24} {run.peak_rss_bytes / 1e6:>6.1f} MB")
    return run


def missed(runs: Sequence[Run]) -> list[str]:
    """Return the targets that are missed, in words."""
    rates = {name: _rate([run for run in runs if run.name == name]) for name in _names(runs)}
    ours = [run for run in runs if run.name.startswith(OURS)]
    sizes_mb = [run.peak_rss_bytes / 1e6 for run in ours]
    streams_mb = [run.peak_rss_bytes / 1e6 for run in ours if "reviews" not in run.name and "unchanged" not in run.name]
    checks = {
        f"{rates[OURS]:,.0f} rows per CPU s, instead of {TARGET_RATE:,}": rates[OURS] >= TARGET_RATE,
        f"{rates[OURS] / rates[ORIGINAL]:,.0f} times {ORIGINAL}, instead of {TARGET_RATIO}": rates[OURS]
        >= TARGET_RATIO * rates[ORIGINAL],
        f"{max(sizes_mb):.1f} MB, instead of {TARGET_RSS_MB}": max(sizes_mb) < TARGET_RSS_MB,
        f"memory grows with the size, by {max(streams_mb) - min(streams_mb):.1f} MB": max(streams_mb) - min(streams_mb)
        <= FLAT_MB,
    }
    return [text for text, is_met in checks.items() if not is_met]


def _versions(pythons: Mapping[str | None, Path]) -> list[str]:
    lines = []
    for name in pythons:
        if name is not None:
            pins = dict(line.split("==") for line in (PEERS / f"{name}{SUFFIX}").read_text().splitlines())
            shown = [f"{package} {version}" for package, version in pins.items() if package in _SHOWN]
            lines.append(f"{name}: {', '.join(shown)}")
    return lines
