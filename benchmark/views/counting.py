"""Counting: this application's job with PostgreSQL, and Faust-streaming with tables, on the same events."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmark import process
from benchmark.views.events import Mix
from benchmark.views.records import number_of, recounted
from benchmark.views.rig import Rig, application, kept
from metrics.views.core.recount import Recount

OURS = "ours"
FAUST = "faust, rocksdb"


class Counting(msgspec.Struct, frozen=True):
    """Run of one side on some events.

    Attributes:
        mix: of the events.
        client_s: processor time of the process, `server_s` that of PostgreSQL, `broker_s` that of Kafka (0 if it is not
            on this machine).
    """

    name: str
    mix: Mix
    events: int
    seconds: float
    client_s: float
    server_s: float
    broker_s: float
    peak_rss_bytes: int

    @property
    def rate(self) -> float:
        """Events per second of processor time, of process and PostgreSQL together."""
        return self.events / (self.client_s + self.server_s)

    @property
    def rate_of_all(self) -> float:
        """Events per second of processor time of all processes, Kafka included."""
        return self.events / (self.client_s + self.server_s + self.broker_s)

    @property
    def pace(self) -> float:
        """Events per second by the clock."""
        return self.events / self.seconds


class Took(msgspec.Struct, frozen=True):
    """Report of Faust: from the first event to the last."""

    seconds: float
    cpu_s: float


class Side(NamedTuple):
    """Variant of Faust-streaming.

    Attributes:
        what: its description, in a few words.
        store: of its tables.
        linger_s: how long a change waits for more to be sent with it.
    """

    name: str
    what: str
    store: str
    linger_s: float = 0.0


PEERS = (
    Side(FAUST, "Faust-streaming as it comes, tables in RocksDB", "rocksdb"),
    Side("faust, memory", "the same, tables in memory", "memory"),
    Side("faust, memory, linger", "the same, and changes are sent in batches of 20 ms", "memory", 0.02),
)


def counted(rig: Rig, mix: Mix, topic: str, url: str, events: int) -> Counting:
    """Count a topic into fresh tables.

    Raises:
        ViewsRunError: it failed.
    """
    before_s, broker_before_s = rig.server.settled_cpu_s(), rig.broker.cpu_s()
    own = rig.run(OURS, application("count", "--until-end"), rig.variables(topic, url)).measured
    broker_s, server_s = rig.broker.cpu_s() - broker_before_s, rig.server.settled_cpu_s() - before_s
    return Counting(OURS, mix, events, own.seconds, own.cpu_s, server_s, broker_s, own.peak_rss_bytes)


def counted_and_verified(rig: Rig, mix: Mix, topic: str) -> Counting:
    """Count a topic into fresh tables, and compare them with a plain recount.

    Raises:
        ViewsRunError: it failed, or they differ.
    """
    events = number_of(rig.broker, topic)
    with rig.tables() as url:
        run = counted(rig, mix, topic, url, events)
        verify(rig, topic, url)
    return run


def verify(rig: Rig, topic: str, url: str) -> None:
    """Compare every table with a plain recount of the topic.

    Raises:
        ViewsRunError: they differ.
    """
    rig.run("views verify", application("verify"), rig.variables(topic, url))


def counted_by(rig: Rig, side: Side, mix: Mix, file: Path) -> tuple[Counting, list[str]]:
    """Count a file by Faust, from a topic of one partition; return what is wrong with its tables, too.

    Raises:
        ViewsRunError: it failed.
    """
    with rig.topic(partitions=1) as topic, tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        rig.load(topic, file)
        truth = recounted(rig.broker, topic)
        events = truth.counts[0].read
        peer = ["-m", "benchmark.peers.views_faust", side.store, str(side.linger_s)]
        task = [rig.broker.address, topic, str(events), folder]
        before_s = rig.broker.cpu_s()
        finished = rig.run(side.name, [str(rig.pythons["faust"]), *peer, *task], kept())
        broker_s = rig.broker.cpu_s() - before_s
        [took] = process.reports(finished.printed, Took)
        tables = msgspec.json.decode(Path(folder, "tables.json").read_bytes(), type=dict[str, Mapping[str, object]])
    peak_bytes = finished.measured.peak_rss_bytes
    run = Counting(side.name, mix, events, took.seconds, took.cpu_s, 0.0, broker_s, peak_bytes)
    wrong = [name for name, rows in expected(truth).items() if tables[name] != rows]
    return run, [f"{side.name}, {mix}: its table {name} is wrong" for name in wrong]


def expected(truth: Recount) -> dict[str, dict[str, object]]:
    """Return the tables of Faust, as they must be."""
    return {
        "media": {str(media): [row.waypoints, row.starts, row.stops, row.ends] for media, row in truth.media().items()},
        "user_media": {f"{user} {media}": number for (media, user), number in truth.user_media.items()},
        "media_quarter": {f"{media} {start}": row for (media, start), row in truth.media_quarter.items()},
        "media_minute": {f"{media} {start}": row for (media, start), row in truth.media_minute.items()},
    }
