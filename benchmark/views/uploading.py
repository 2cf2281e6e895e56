"""Uploads: lines in one request, and events in a request each, to this application and to Faust-streaming."""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmark import process
from benchmark.views.records import read_all
from benchmark.views.rig import HOST, Rig, application, free_port, kept, serving
from benchmark.views.sending import Sent
from benchmark.views.watch import Watch
from metrics.views.core.event import InvalidEventError, read_event

OURS = "ours, lines in one request"
FAUST = "faust"
LONG_BYTES = 2_500_000_000


class Upload(msgspec.Struct, frozen=True):
    """Upload.

    Attributes:
        server_s: processor time of the server, `client_s` that of the sender, `broker_s` that of Kafka if it is local.
    """

    name: str
    lines: int
    size_bytes: int
    seconds: float
    server_s: float
    client_s: float
    peak_rss_bytes: int
    peak_pss_bytes: int


class Side(NamedTuple):
    """Way to take events.

    Attributes:
        what: its description, in a few words.
        way: of sending, see benchmark.views.sending.
        path: of the URL.
        packages: name of its requirements file; None: the project's own environment.
    """

    name: str
    what: str
    way: str
    path: str
    packages: str | None = None

    def command(self, rig: Rig, topic: str, port: int, folder: Path) -> Sequence[str]:
        """Return the command line of its server."""
        if self.packages is None:
            return application("serve", "--host", HOST, "--port", str(port))
        peer = "benchmark.peers.views_faust_web"
        return [str(rig.pythons[self.packages]), "-m", peer, rig.broker.address, topic, str(port), str(folder)]


SIDES = (
    Side(OURS, "`views serve`: POST /views/events, newline-delimited JSON", "stream", "/views/events"),
    Side("ours, a request each", "`views serve`: POST /event/create/", "each", "/event/create/"),
    Side(
        FAUST,
        "the original's way: Faust-streaming's web server, POST /event/create/, answered before Kafka has the event",
        "each",
        "/event/create/",
        "faust",
    ),
)


def uploaded(rig: Rig, side: Side, file: Path, number: int) -> tuple[Upload, list[str]]:
    """Upload a file of events; return what is wrong with the topic, too.

    Args:
        number: of times that the file is sent in one request, or of its events that are sent in a request each.

    Raises:
        ViewsRunError: it failed.
    """
    port = free_port()
    with rig.topic() as topic, rig.tables() as url, tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        variables: Mapping[str, str] = rig.variables(topic, url) if side.packages is None else kept()
        command = side.command(rig, topic, port, Path(folder))
        with serving(side.name, command, variables, port) as server, Watch(server.pid) as watch:
            sent = _send(rig, side, f"http://{HOST}:{port}{side.path}", file, number)
        return _upload(side.name, sent, watch), _differences(rig, side, topic, sent, file, number)


def _send(rig: Rig, side: Side, url: str, file: Path, number: int) -> Sent:
    command = [sys.executable, "-m", "benchmark.views.sending", side.way, url, str(file), str(number)]
    finished = rig.run(f"the upload to {side.name}", command, kept())
    [sent] = process.reports(finished.printed, Sent)
    return sent


def _upload(name: str, sent: Sent, watch: Watch) -> Upload:
    return Upload(
        name,
        sent.accepted + sent.rejected,
        sent.size_bytes,
        sent.seconds,
        watch.cpu_s,
        sent.cpu_s,
        watch.peak_rss_bytes,
        watch.peak_pss_bytes,
    )


def _differences(rig: Rig, side: Side, topic: str, sent: Sent, file: Path, number: int) -> list[str]:
    """Return how the topic differs from the valid lines that were sent, in words."""
    found = sum(1 for _ in read_all(rig.broker, topic))
    wanted = valid_lines(file, None if side.way == "stream" else number) * (number if side.way == "stream" else 1)
    problems = []
    if found != sent.accepted:
        problems.append(f"{side.name}: {found:,} records in the topic, but {sent.accepted:,} accepted")
    if side.packages is None and sent.accepted != wanted:
        problems.append(f"{side.name}: {sent.accepted:,} lines accepted, instead of {wanted:,}")
    return problems


def valid_lines(file: Path, most: int | None) -> int:
    """Count the valid events of a file, or of its first lines."""
    valid = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines):
            if number == most:
                break
            try:
                read_event(line.rstrip(b"\n"))
            except InvalidEventError:
                continue
            valid += 1
    return valid


def passes(file: Path, size_bytes: int) -> int:
    """Return how often a file has to be sent to send this size."""
    return max(1, -(-size_bytes // file.stat().st_size))
