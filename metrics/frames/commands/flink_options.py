"""What the commands of `flink` share: the Flink that they talk to, and options."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer

from metrics.frames.flink import local_jobs
from metrics.frames.flink.gateway import Gateway, session
from metrics.frames.flink.settings import FlinkSettings

Parallelism = Annotated[int, typer.Option(min=1, metavar="N", help="Number of parallel tasks.")]
Rejected = Annotated[
    bool,
    typer.Option(
        "--rejected", help="Write dead letters instead of counting: a job of its own, which can run beside the other."
    ),
]
Restore = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="Continue from this savepoint or checkpoint. Without it, a local Flink takes its newest, except with "
        "--from-group.",
    ),
]
FromGroup = Annotated[
    bool,
    typer.Option(
        "--from-group",
        help="Continue where the main job has stopped, in its topics; the way back is flink stop --to-group.",
    ),
]
UntilEnd = Annotated[
    bool,
    typer.Option(
        "--until-end", help="Stop at the present end of the input, and close every window; not with a savepoint."
    ),
]


@contextmanager
def use_flink(settings: FlinkSettings, report: Callable[[str], None]) -> Iterator[Gateway]:
    """Yield a session of FLINK_URL, or of the local Flink, which is started if none runs.

    Args:
        report: called with each message of a new local Flink.

    Raises:
        FlinkError: Flink does not answer.
        LocalServerError: the local Flink cannot be started.
    """
    if settings.flink_url is not None:
        with session(settings.flink_url) as gateway:
            yield gateway
        return
    # A command that is given a Flink does not wait for this import.
    from metrics.frames.flink import local_cluster  # noqa: PLC0415

    folder = local_jobs.folder(settings)
    alive = partial(local_cluster.require_alive, folder)
    with local_cluster.shared(folder, report) as url, session(url, alive) as gateway:
        yield gateway


@contextmanager
def use_running_flink(settings: FlinkSettings) -> Iterator[Gateway | None]:
    """Yield a session of FLINK_URL, or of the local Flink; None if none runs.

    Raises:
        FlinkError: Flink does not answer.
    """
    if settings.flink_url is not None:
        with session(settings.flink_url) as gateway:
            yield gateway
        return
    from metrics.frames.flink import local_cluster  # noqa: PLC0415  # as above

    folder = local_jobs.folder(settings)
    url = local_cluster.running_url(folder)
    if url is None:
        yield None
        return
    with session(url, partial(local_cluster.require_alive, folder)) as gateway:
        yield gateway
