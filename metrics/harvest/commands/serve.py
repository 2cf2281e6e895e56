"""`harvest serve`: serves harvest alone."""

from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from metrics.cli import serving
from metrics.cli.serving import LOOPBACK, Host, Port
from metrics.harvest.settings import HarvestSettings

if TYPE_CHECKING:
    from metrics.web.app import System


PORT = 5000
TITLE = "Harvest"
ABOUT = "Runs over three live streams: their reports, users, shows and events. A run can be started and watched."


def serve(*, host: Host = LOOPBACK, port: Port = PORT) -> None:
    """Serve the page and the HTTP API (documented at /docs) of harvest alone, without Kafka.

    A run started there reads the streams at `STREAM_ENDPOINT`, or local streams without it, and writes to
    `HARVEST_DIR`. If other machines can reach the port, set `API_TOKEN`: without it, they can read, but start nothing.

    Ctrl-C ends it with exit code 0, after stopping its run and writing the report.

    Example: `python app.py harvest serve`, then `curl http://127.0.0.1:5000/user_report?run=latest`
    """
    settings = HarvestSettings.load()
    with serving.listen(host, port, "harvest serve") as listening:
        serving.run(listening, [partial(_harvest, settings)], title=TITLE, about=ABOUT, token=settings.api_token)


def _harvest(settings: HarvestSettings) -> AbstractContextManager["System"]:
    from metrics.harvest.web.system import open_system  # noqa: PLC0415  # imports NiceGUI

    return open_system(settings)
