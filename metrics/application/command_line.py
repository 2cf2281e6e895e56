"""The application: the commands and settings of all systems, and the commands that belong to none or to all."""

import atexit
import gc
import logging
import sys

import typer

from metrics.catalogue.commands import COMMANDS as CATALOGUE
from metrics.catalogue.settings import CatalogueSettings
from metrics.cli import COMMANDS as CLI
from metrics.cli.registry import STYLE, Commands
from metrics.cli.reporting import reporting
from metrics.frames.commands import COMMANDS as FRAMES
from metrics.frames.commands.main_job import main_job
from metrics.frames.flink.settings import FlinkSettings
from metrics.harvest.commands import COMMANDS as HARVEST
from metrics.harvest.settings import HarvestSettings
from metrics.settings.listing import help_text
from metrics.terminal import logs, streams
from metrics.views.commands import COMMANDS as VIEWS
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import MetricsError, OutputClosedError

log = logging.getLogger(__name__)


class Application(Commands):
    """The commands of all systems; without a command, the main job of frames runs."""

    modules = FRAMES | {"serve": "metrics.application.serve"} | CATALOGUE | HARVEST | VIEWS | CLI
    services = ("serve", "catalogue serve", "harvest serve", "views", "views serve", "views count")
    settings = (FlinkSettings, CatalogueSettings, HarvestSettings, ViewsSettings)
    owners = ("metrics.frames.topic_owner", "metrics.views.topic_owner")


app = typer.Typer(cls=Application, epilog=help_text(Application.settings), **STYLE)
app.callback(invoke_without_command=True)(reporting(main_job))


def run() -> None:
    """Run the command line."""
    # At its end, Python looks for garbage among all objects, which takes seconds after many pages.
    atexit.register(gc.freeze)
    streams.take_over()
    logs.log_lines("INFO")
    try:
        app()
    except OutputClosedError as error:
        sys.exit(error.exit_code)  # help was printed, and its reader has seen enough
    except MetricsError as error:
        log.error(error)  # noqa: TRY400  # its user can fix it, so no traceback
        sys.exit(error.exit_code)
