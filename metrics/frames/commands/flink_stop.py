"""`flink stop`: stops the job with a savepoint."""

from metrics.cli.use_broker import settings_for_broker
from metrics.errors import FlinkError
from metrics.frames.commands.flink_options import use_running_flink
from metrics.frames.flink import jobs
from metrics.frames.flink.settings import FlinkSettings
from metrics.terminal.console import say


def stop() -> None:
    """Stop the job that counts, with a savepoint from which `flink run --restore` continues.

    All windows that were closed by then are published.

    Example: `python app.py flink stop`
    """
    settings = settings_for_broker(FlinkSettings)
    with use_running_flink(settings) as gateway:
        job = None if gateway is None else jobs.running_job(gateway, settings.flink_name)
        if gateway is None or job is None:
            raise FlinkError(
                f"no job {settings.flink_name} runs",
                why="no local Flink runs" if gateway is None else "",
                hint="start one: python app.py flink run",
            )
        say(f"stopping job {job.id} …")
        path = jobs.stop(gateway, job)
    say(f"stopped; the savepoint is {path}")
    say(f"to continue from it: python app.py flink run --restore {path}")
