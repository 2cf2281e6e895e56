"""The command line of the benchmark."""

import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from benchmark import session
from benchmark.growth import dimensions
from benchmark.growth import session as growth_session
from benchmark.growth.dimensions import DIMENSIONS
from benchmark.live import latency_session, restart_session
from benchmark.session import Plan
from benchmark.sides import SIDES, chosen
from metrics.errors import MetricsError, OutputClosedError
from metrics.terminal import console, streams

LEAST_FRAMES = 1_000

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


Docs = Annotated[
    Path | None,
    typer.Option("--docs", metavar="FOLDER", help="Write page, pictures and numbers into this folder."),
]


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    *,
    frames: Annotated[
        int, typer.Option("--frames", min=LEAST_FRAMES, metavar="N", help="How many frames each side counts.")
    ] = 1_000_000,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="SIDE",
            help=f"Run this side; repeat it for more. Sides: {', '.join(side.name for side in SIDES)}.",
            show_default="all",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="How often each side runs.")] = 3,
    write: Annotated[
        bool, typer.Option("--write", help="Write benchmark/RESULTS.md, though not all sides run.")
    ] = False,
) -> None:
    """Measure this application beside its peers and limits: the same frames, the same broker, one run.

    Frames and the environments of the sides are made once and kept in the cache (XDG_CACHE_HOME, else ~/.cache). A
    local Kafka is started, or BOOTSTRAP_SERVERS is taken. A million frames take about 10 GB of disk while it runs.
    When all sides ran, benchmark/RESULTS.md is written. The exit code is 1 if a side failed or was wrong. The commands
    below measure this application alone.

    Example: `pipenv run bench --frames 100000 --rounds 1 --only kcat --only ours --only bytewax`
    """
    if context.invoked_subcommand is not None:
        return
    sides = chosen(only or [])
    plan = Plan(frames, sides, rounds, writes_results=write or len(sides) == len(SIDES), command=_command())
    _end_by(lambda: session.run(plan))


@app.command()
def growth(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="DIMENSION",
            help=f"Measure this one; repeat it for more. Dimensions: {', '.join(each.name for each in DIMENSIONS)}.",
            show_default="all",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="How often each point is measured.")] = 3,
    scale: Annotated[
        float, typer.Option("--scale", min=0.000_1, max=1, metavar="F", help="Factor for all numbers of frames.")
    ] = 1.0,
    docs: Docs = None,
) -> None:
    """Measure what a frame costs as the work grows: a curve for each dimension.

    Each point is the median of some rounds, each round a new process of app.py --until-end. All of it takes some 20
    minutes, and 7 GB of disk at most. With --docs, GROWTH.md and growth/ are written. The exit code is 1 if a run
    failed or was wrong.

    Example: `pipenv run bench growth --only partitions --only commit --scale 0.1 --rounds 1`
    """
    plan = growth_session.Plan(dimensions.chosen(only or [], scale), rounds, docs, _command())
    _end_by(lambda: growth_session.run(plan))


@app.command()
def latency(
    *,
    seconds: Annotated[int, typer.Option("--seconds", min=1, metavar="N", help="How many seconds to close.")] = 120,
    docs: Docs = None,
) -> None:
    """Measure how long results take while 1,000 frames a second come in live.

    From the produce of the frame that closes a window to its record being readable by a read_committed consumer. With
    --docs, LATENCY.md is written. The exit code is 1 if results were wrong.

    Example: `pipenv run bench latency --seconds 30`
    """
    plan = latency_session.Plan(seconds, docs, _command())
    _end_by(lambda: latency_session.run(plan))


@app.command()
def restart(
    *,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="How often it is killed.")] = 10,
    docs: Docs = None,
) -> None:
    """Measure how long results stay away when the application is killed and started again at once.

    By SIGKILL, while 1,000 frames a second come in; half of the times at random moments, half while it commits. With
    --docs, RESTART.md is written. The exit code is 1 if results were wrong: each window has to come once.

    Example: `pipenv run bench restart --rounds 4`
    """
    plan = restart_session.Plan(rounds, docs, _command())
    _end_by(lambda: restart_session.run(plan))


def _command() -> str:
    return shlex.join(["pipenv", "run", "bench", *sys.argv[1:]])


def _end_by(measure: Callable[[], bool]) -> None:
    """Measure, and end with exit code 1 where something was wrong, with that of Ctrl-C where this stopped it."""
    try:
        all_good = measure()
    except KeyboardInterrupt:
        console.warn("stopped by Ctrl-C; nothing is left running")
        raise typer.Exit(128 + signal.SIGINT) from None
    if not all_good:
        raise typer.Exit(1)


def _terminate(*_: object) -> NoReturn:
    """Let SIGTERM unwind the stack, so that what was started is stopped."""
    sys.exit(128 + signal.SIGTERM)


def main() -> None:
    """Run the benchmark; tell what a user can mend in words, not in a traceback."""
    streams.take_over()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except OutputClosedError as error:
        sys.exit(error.exit_code)
    except MetricsError as error:
        console.fail(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
