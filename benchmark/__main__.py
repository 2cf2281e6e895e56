"""The command line of the benchmark."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmark import results, session
from benchmark.catalogue import loading
from benchmark.flink import scaling
from benchmark.harvest import harvesting
from benchmark.live import latency, restart
from benchmark.sides import SIDES, chosen
from benchmark.views import viewing
from metrics.cli.reporting import reporting
from metrics.terminal import logs, streams
from metrics.wording.errors import OutputClosedError

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)

Docs = Annotated[
    Path | None, typer.Option("--docs", metavar="FOLDER", help="Write the page and its figures into this folder.")
]


@app.callback(invoke_without_command=True)
@reporting
def bench(
    context: typer.Context,
    *,
    frames: Annotated[
        int, typer.Option("--frames", min=1_000, metavar="N", help="Number of frames that each side counts.")
    ] = 1_000_000,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="SIDE",
            help=f"Run this side; repeat for more. Sides: {', '.join(side.name for side in SIDES)}.",
            show_default="all",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="Number of runs of each side.")] = 3,
    write: Annotated[
        bool, typer.Option("--write", help="Write benchmark/RESULTS.md even if not all sides run.")
    ] = False,
) -> None:
    """Measure this application beside its peers and limits: the same frames, the same broker, one run.

    Frames and the environments of the sides are created once and kept in the cache (XDG_CACHE_HOME, else ~/.cache). The
    broker is the one named by BOOTSTRAP_SERVERS, else a local Kafka is started. A million frames take about 10 GB of
    disk during the run. If all sides run, benchmark/RESULTS.md is written. The exit code is 1 if a side failed or its
    results were wrong. The commands below measure this application alone.

    Example: `pipenv run bench --frames 100000 --rounds 1 --only kcat --only ours --only bytewax`
    """
    if context.invoked_subcommand is not None:
        return
    sides = chosen(only or [])
    path = results.PATH if write or len(sides) == len(SIDES) else None
    _end(session.compare(sides, frames, rounds, path))


@app.command("latency")
@reporting
def measure_latency(
    *,
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, metavar="N", help="Number of one-second windows to close.")
    ] = 120,
    docs: Docs = None,
) -> None:
    """Measure how long results take while 1,000 frames per second come in live.

    The time runs from producing the frame that closes a window until a read_committed consumer can read the window's
    record. With --docs, LATENCY.md is written. The exit code is 1 if results were wrong.

    Example: `pipenv run bench latency --seconds 30`
    """
    _end(session.measure(lambda broker: latency.measured(broker, seconds), docs))


@app.command("restart")
@reporting
def measure_restart(
    *,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="Number of kills.")] = 10,
    docs: Docs = None,
) -> None:
    """Measure how long results are missing when the application is killed and restarted at once.

    It is killed by SIGKILL while 1,000 frames per second come in: half the time at a random moment, half
    during a commit. With --docs, RESTART.md is written. The exit code is 1 if results were wrong: each window must be
    published exactly once.

    Example: `pipenv run bench restart --rounds 4`
    """
    _end(session.measure(lambda broker: restart.measured(broker, rounds), docs))


@app.command("catalogue")
@reporting
def measure_catalogue(
    *,
    scale: Annotated[
        int, typer.Option("--scale", min=1, metavar="N", help="Size of the file: N times the sessions of the real one.")
    ] = 100,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="Number of runs of each side.")] = 3,
    long: Annotated[
        bool, typer.Option("--long", help="Also load ten times that file, and a JSON array of a gigabyte.")
    ] = False,
    docs: Docs = None,
) -> None:
    """Measure the processor time and the memory of `catalogue load`, beside its peers, on a local PostgreSQL.

    The original's design, SQLAlchemy Core and dlt load the same sessions in turns. With --docs, LOADING.md is written.
    The exit code is 1 if a target was missed, or a table was wrong.

    Example: `pipenv run bench catalogue --scale 10 --rounds 1`
    """
    _end(session.load(loading.Asked(scale, rounds, long), docs))


@app.command("harvest")
@reporting
def measure_harvest(
    *,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="Number of runs of each parser.")] = 3,
    long: Annotated[bool, typer.Option("--long", help="Floods of 60 s instead of 20 s.")] = False,
    docs: Docs = None,
) -> None:
    """Measure parsers of server-sent events, and `harvest` against streams that send as fast as they are read.

    Other parsers and that of harvest read the same streams in turns: a usual one, and one for each trap of the
    protocol. With --docs, HARVESTING.md is written. The exit code is 1 if harvest's parser missed or invented a frame,
    a harvest lost an event, or its memory grew.

    Example: `pipenv run bench harvest --rounds 1`
    """
    _end(session.harvest(harvesting.Asked(rounds, long), docs))


@app.command("views")
@reporting
def measure_views(
    *,
    events: Annotated[int, typer.Option("--events", min=1_000, metavar="N", help="Number of view events.")] = 1_000_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="Number of runs of each side.")] = 1,
    long: Annotated[
        bool, typer.Option("--long", help="Also upload 2.5 GB, and count three and ten times the events.")
    ] = False,
    docs: Docs = None,
) -> None:
    """Measure uploads, counting and similar items of views, beside the original's way.

    Faust-streaming takes and counts the same events, pandas finds the same similar items. All tables are compared with
    a plain recount. With --docs, VIEWING.md is written. The exit code is 1 if a target was missed, or a table or a
    score was wrong.

    Example: `pipenv run bench views --events 100000`
    """
    _end(session.view(viewing.Asked(events, rounds, long), docs))


@app.command("flink")
@reporting
def measure_flink(
    *,
    frames: Annotated[int, typer.Option("--frames", min=1_000, metavar="N", help="Number of frames.")] = 4_000_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="Number of runs of each side.")] = 3,
    docs: Docs = None,
) -> None:
    """Measure the processor time of a frame on a local Apache Flink, at parallelism 1 and 2, beside this application.

    All count the same frames in turns; a frame of Flink costs what the second half of them took, once Java's code is
    compiled. It makes a checkpoint each second, and in runs of their own every 10 s. Also measured are the memory of a
    user in an open minute, and the price of a window. With --docs, SCALING.md is written, with what follows for many
    cores. The exit code is 1 if a target was missed.

    Example: `pipenv run bench flink --rounds 1`
    """
    _end(session.scale(scaling.Asked(frames, rounds), docs))


def _end(is_good: bool) -> None:  # noqa: FBT001
    """End with exit code 1 if a side failed, or results were wrong."""
    if not is_good:
        raise typer.Exit(1)


def main() -> None:
    """Run the benchmark."""
    streams.take_over()
    logs.log_lines("INFO")
    try:
        app()
    except OutputClosedError as error:
        sys.exit(error.exit_code)  # help was printed, and its reader has seen enough


if __name__ == "__main__":
    main()
