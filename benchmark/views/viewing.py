"""Viewing: all measurements of views, their page, and whether the targets are met."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import ClassVar, NamedTuple

from benchmark import broker, database, page
from benchmark.environments import PEERS as REQUIREMENTS
from benchmark.environments import SUFFIX, interpreters
from benchmark.rounds import in_turn
from benchmark.views import counting, events, growing, uploading
from benchmark.views.asking import Other
from benchmark.views.counting import Counting
from benchmark.views.growing import PAIRS, SEEN, Growth
from benchmark.views.rig import Rig
from benchmark.views.uploading import Upload
from metrics.terminal.console import say

PACKAGES = ("faust", "pandas")
LINES_PER_S, UPLOAD_MB = 50_000, 150
COUNTED_PER_CPU_S, TIMES_FAUST = 25_000, 50
COLD_S, KEPT_S = 0.3, 0.005
FAUST_PART = 100  # it counts this part of the events, since it is slow
EACH_PART = 100  # this part of the events is sent in a request each
_SHORT_S = 0.01

_SHOWN = ("aiohttp", "aiokafka", "faust-streaming", "numpy", "pandas", "rocksdict")
_UPLOADS = (
    "upload",
    "MB",
    "lines",
    "lines/s",
    "lines per CPU s",
    "server CPU s",
    "sender CPU s",
    "peak PSS (MB)",
    "peak RSS (MB)",
)
_COUNTS = (
    "counting",
    "events",
    "records",
    "records per CPU s",
    "with Kafka",
    "records/s",
    "process CPU s",
    "PostgreSQL CPU s",
    "Kafka CPU s",
    "peak RSS (MB)",
    "ours: times by CPU",
    "with Kafka",
)
_ASKS = ("similar items", "events", "ms", "CPU ms")
_GROWTHS = (
    "mix",
    "events",
    "media",
    "users",
    "records per CPU s",
    "viewers of the item",
    "similar (ms)",
    "PostgreSQL CPU ms",
    "kept (ms)",
    "seen: rows",
    "MB",
    "user_media: rows",
    "MB",
    "all tables (MB)",
)


class Asked(NamedTuple):
    """What to measure.

    Attributes:
        events: the usual number.
        rounds: number of runs of each side that counts.
        is_long: also an upload of 2.5 GB, and ten times the events.
    """

    events: int = 1_000_000
    rounds: int = 1
    is_long: bool = False


class Viewing(page.Findings, frozen=True, kw_only=True):
    """Findings: uploads, runs that count, and answers; the first of `growths` has the usual size."""

    title: ClassVar[str] = "viewing"
    introduction: ClassVar[str] = """\
# Viewing

How much processor time and memory view events take, from the upload to the answer, beside the original's way: the
same events, the same Kafka and PostgreSQL, in one run.

- **Upload**: a file of `views generate` is sent over HTTP on this machine. In one request it is sent as often as its
  size needs; a request each is sent over 16 connections at once. CPU and memory are those of the server, without its
  start. Afterwards, the records in the topic are counted.
- **Counting**: `views count --until-end`, with its start, into empty tables of PostgreSQL, until their pages are on
  disk. *Ordinary* events are those of `views generate`; in the *worst case*, items, users and minutes are drawn evenly,
  so that nearly each event makes rows of its own. Faust-streaming keeps the same counts by event id, item, viewer,
  quarter hour and minute in tables with changelogs; its figures begin with the first event, and its file is smaller.
  All tables of both are compared with a plain recount. *With Kafka*, the processor time of the broker is added: Faust
  keeps its tables there, as this application keeps them in PostgreSQL.
- **Similar items**: of the item with the most viewers. The answers of `views serve` are timed by a client over HTTP:
  computed, and kept from a moment ago, the best of several. *Scattered* events are waypoints of popular items by any
  user, without sessions: so most users have seen most of the popular items, and the join is as large as it gets. pandas
  begins with the dicts of a table, as the original does; numpy has arrays in memory. The scores must be equal within
  1e-9.
- **Growth**: the same, for other numbers of events, media items and users."""

    uploads: list[Upload]
    countings: list[Counting]
    growths: list[Growth]
    others: list[Other]

    def as_markdown(self) -> str:
        """Return tables of all measurements, and the targets."""
        uploads = page.table(_UPLOADS, [_upload_row(upload) for upload in self.uploads], _UPLOADS[:1])
        upload_sides = "\n".join(f"- `{side.name}`: {side.what}" for side in uploading.SIDES)
        kinds = dict.fromkeys((run.mix, run.name) for run in self.countings)
        counts = page.table(_COUNTS, [self._count_row(*kind) for kind in kinds], _COUNTS[:2])
        peers = "\n".join(f"- `{side.name}`: {side.what}" for side in counting.PEERS)
        asks = page.table(_ASKS, self._ask_rows(), _ASKS[:2])
        growths = page.table(_GROWTHS, [_growth_row(growth) for growth in self.growths], _GROWTHS[:1])
        targets = (
            f"Targets: an upload of {LINES_PER_S:,} lines/s in {UPLOAD_MB} MB; {COUNTED_PER_CPU_S:,} worst-case events "
            f"per CPU second, and {TIMES_FAUST} times `{counting.FAUST}` with Kafka; similar items in "
            f"{COLD_S * 1e3:.0f} ms, kept ones in {KEPT_S * 1e3:.0f} ms."
        )
        results = "\n".join(f"- missed: {problem}" for problem in self.problems) or "- all met"
        return "\n\n".join([uploads, upload_sides, counts, peers, asks, growths, targets, results])

    def _count_row(self, mix: str, name: str) -> list[str]:
        runs, ours = _runs(self.countings, mix, name), _runs(self.countings, mix, counting.OURS)
        return [
            f"`{name}`",
            mix,
            f"{runs[0].events:,}",
            f"{_rate(runs):,.0f}",
            f"{_rate_of_all(runs):,.0f}",
            f"{median(run.pace for run in runs):,.0f}",
            f"{median(run.client_s for run in runs):.1f}",
            f"{median(run.server_s for run in runs):.1f}",
            f"{median(run.broker_s for run in runs):.1f}",
            f"{max(run.peak_rss_bytes for run in runs) / 1e6:.0f}",
            f"{_rate(ours) / _rate(runs):,.1f}" if name != counting.OURS else "",
            f"{_rate_of_all(ours) / _rate_of_all(runs):,.1f}" if name != counting.OURS else "",
        ]

    def _ask_rows(self) -> list[list[str]]:
        rows = []
        for mix in dict.fromkeys(other.mix for other in self.others):
            asking = next(growth.asking for growth in self.growths if growth.mix == mix)
            rows += [
                ["`ours`, the first of a process", mix, f"{asking.first_s * 1e3:.0f}", ""],
                ["`ours`, computed", mix, f"{asking.cold_s * 1e3:.0f}", f"{asking.server_s * 1e3:.0f} in PostgreSQL"],
                ["`ours`, kept", mix, f"{asking.kept_s * 1e3:.1f}", ""],
            ]
            others = [other for other in self.others if other.mix == mix]
            rows += [[f"`{other.name}`", mix, *_milliseconds(other)] for other in others]
        return rows


def _milliseconds(other: Other) -> list[str]:
    return [f"{seconds * 1e3:,.{0 if seconds > _SHORT_S else 1}f}" for seconds in (other.seconds, other.cpu_s)]


def _runs(countings: Sequence[Counting], mix: str, name: str) -> list[Counting]:
    return [run for run in countings if (run.mix, run.name) == (mix, name)]


def _rate(runs: Sequence[Counting]) -> float:
    return median(run.rate for run in runs)


def _rate_of_all(runs: Sequence[Counting]) -> float:
    return median(run.rate_of_all for run in runs)


def _upload_row(upload: Upload) -> list[str]:
    return [
        f"`{upload.name}`",
        f"{upload.size_bytes / 1e6:,.0f}",
        f"{upload.lines:,}",
        f"{upload.lines / upload.seconds:,.0f}",
        f"{upload.lines / upload.server_s:,.0f}",
        f"{upload.server_s:.1f}",
        f"{upload.client_s:.1f}",
        f"{upload.peak_pss_bytes / 1e6:.0f}",
        f"{upload.peak_rss_bytes / 1e6:.0f}",
    ]


def _growth_row(growth: Growth) -> list[str]:
    asking = growth.asking
    return [
        growth.mix,
        *(f"{number:,}" for number in growth.size),
        f"{growth.counting.rate:,.0f}",
        f"{asking.viewers:,}",
        f"{asking.cold_s * 1e3:,.0f}",
        f"{asking.server_s * 1e3:,.0f}",
        f"{asking.kept_s * 1e3:.1f}",
        *(
            text
            for name in (SEEN, PAIRS)
            for text in (f"{growth.rows[name]:,}", f"{growth.table_bytes[name] / 1e6:,.0f}")
        ),
        f"{sum(growth.table_bytes.values()) / 1e6:,.0f}",
    ]


def measured(asked: Asked, cache: Callable[[str], Path]) -> tuple[Viewing, list[str]]:
    """Measure; return the findings, and what it ran on, a line each.

    Args:
        cache: returns a folder that is kept, by its name.

    Raises:
        MetricsError: broker or database cannot be started, or a side failed.
    """
    pythons = interpreters(cache("environments"), [None, *PACKAGES])
    with broker.running(cache("broker")) as kafka, database.running(cache("postgres")) as server:
        rig = Rig(kafka, server, pythons, cache("views"))
        for old in rig.folder.iterdir():
            old.unlink()  # generated events end now, so those of another day would be too old for trends by minute
        uploads, problems = _uploads(rig, asked)
        countings, wrong = _countings(rig, asked)
        growths, others, differences = _growths(rig, asked)
        ran_on = [kafka.name, f"PostgreSQL {server.version}, local, with its own settings", _versions()]
    problems += [*wrong, *differences, *missed(uploads, countings, growths)]
    return Viewing(uploads=uploads, countings=countings, growths=growths, others=others, problems=problems), ran_on


def _uploads(rig: Rig, asked: Asked) -> tuple[list[Upload], list[str]]:
    uploads, problems = list[Upload](), list[str]()
    file = events.file_of(rig, events.ORDINARY, events.Size(asked.events))
    size_bytes = uploading.LONG_BYTES if asked.is_long else file.stat().st_size
    for side in uploading.SIDES:
        number = uploading.passes(file, size_bytes) if side.way == "stream" else asked.events // EACH_PART
        upload, wrong = uploading.uploaded(rig, side, file, number)
        rates = f"{upload.lines / upload.seconds:>9,.0f} lines/s {upload.lines / upload.server_s:>9,.0f} per CPU s"
        say(f"{side.name:<28} {rates} {upload.peak_pss_bytes / 1e6:>6.0f} MB")
        uploads.append(upload)
        problems += wrong
    return uploads, problems


def _countings(rig: Rig, asked: Asked) -> tuple[list[Counting], list[str]]:
    """Count the worst case and ordinary events by all sides in each round, in an order of its own."""
    countings, problems = list[Counting](), list[str]()
    part = asked.events // FAUST_PART
    sizes: dict[events.Mix, Callable[[int], events.Size]] = {events.WORST: events.worst, events.ORDINARY: events.Size}
    for mix, size in sizes.items():
        file, small = (events.file_of(rig, mix, size(number)) for number in (asked.events, part))
        with rig.topic() as topic:
            rig.load(topic, file)
            for number in range(1, asked.rounds + 1):
                for side in in_turn([None, *counting.PEERS], number):
                    if side is None:
                        countings.append(_said(counting.counted_and_verified(rig, mix, topic)))
                    else:
                        run, wrong = counting.counted_by(rig, side, mix, small)
                        countings.append(_said(run))
                        problems += wrong
    return countings, problems


def _said(run: Counting) -> Counting:
    say(f"{run.name:<28} {run.mix:<12} {run.rate:>9,.0f} records per CPU s {run.pace:>9,.0f} records/s")
    return run


def _growths(rig: Rig, asked: Asked) -> tuple[list[Growth], list[Other], list[str]]:
    growths, others, problems = list[Growth](), list[Other](), list[str]()
    for mix, size in growing.sizes(asked.events, is_long=asked.is_long):
        is_new = mix not in [growth.mix for growth in growths]
        growth, found, wrong = growing.grown(rig, mix, size, beside_others=is_new)
        rates = f"{growth.counting.rate:,.0f} records per CPU s, {growth.asking.cold_s * 1e3:,.0f} ms"
        say(f"{mix}: {size.events:,} events, {size.media:,} media, {size.users:,} users: {rates}")
        growths.append(growth)
        others += found
        problems += wrong
    return growths, others, problems


def missed(uploads: Sequence[Upload], countings: Sequence[Counting], growths: Sequence[Growth]) -> list[str]:
    """Return the targets that are missed, in words."""
    [upload] = [upload for upload in uploads if upload.name == uploading.OURS]
    ours, faust = (_runs(countings, events.WORST, name) for name in (counting.OURS, counting.FAUST))
    rate, times = _rate(ours), _rate_of_all(ours) / _rate_of_all(faust)
    lines_per_s, upload_mb = upload.lines / upload.seconds, upload.peak_pss_bytes / 1e6
    usual = [growth.asking for growth in growths if growth.size == growths[0].size]
    cold_s, kept_s = max(asking.cold_s for asking in usual), max(asking.kept_s for asking in usual)
    checks = {
        f"{lines_per_s:,.0f} lines/s, instead of {LINES_PER_S:,}": lines_per_s >= LINES_PER_S,
        f"{upload_mb:.0f} MB for an upload, instead of {UPLOAD_MB}": upload_mb < UPLOAD_MB,
        f"{rate:,.0f} worst-case events per CPU s, instead of {COUNTED_PER_CPU_S:,}": rate >= COUNTED_PER_CPU_S,
        f"{times:.0f} times {counting.FAUST}, instead of {TIMES_FAUST}": times >= TIMES_FAUST,
        f"{cold_s * 1e3:.0f} ms for similar items, instead of {COLD_S * 1e3:.0f}": cold_s < COLD_S,
        f"{kept_s * 1e3:.1f} ms for kept similar items, instead of {KEPT_S * 1e3:.0f}": kept_s < KEPT_S,
    }
    return [text for text, is_met in checks.items() if not is_met]


def _versions() -> str:
    pins = [
        line.split("==")
        for name in PACKAGES
        for line in (REQUIREMENTS / f"{name}{SUFFIX}").read_text(encoding="utf-8").splitlines()
    ]
    return ", ".join(f"{package} {version}" for package, version in pins if package in _SHOWN)
