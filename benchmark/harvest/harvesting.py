"""Harvest: parsers side by side, and whole runs against a flood."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, get_args

from benchmark import page
from benchmark.environments import PEERS, SUFFIX, interpreters
from benchmark.harvest.flood import EARLY_S, FLAT_MB, Flood, Ids, flooded
from benchmark.harvest.parsing import OURS, PACKAGES, SIDES, Run, parsed_in_turns, wrong
from benchmark.harvest.streams import FORMS, HOSTILE, PLAIN
from metrics.terminal.console import say

FRAMES, TRAP_FRAMES = 20_000, 1_000
SECONDS, LONG_SECONDS = 20.0, 60.0

_SHOWN = ("aiohttp", "aiohttp-sse-client2", "httpx", "httpx-sse", "launchdarkly-eventsource", "sseclient-py")
_RATES = ("parser", f"{PLAIN}: parsed", "and read", f"{HOSTILE}: parsed", "and read")
_FLOODS = (
    "ids",
    "frames",
    "frames/s",
    "frames per CPU s",
    "CPU s",
    "server CPU s",
    "CPU s to finish",
    f"MB after {EARLY_S:.0f} s",
    "MB at the end",
    "MB at most",
)


class Asked(NamedTuple):
    """What to measure.

    Attributes:
        rounds: number of runs of each parser.
        is_long: floods of a minute.
    """

    rounds: int = 3
    is_long: bool = False


class Harvesting(page.Findings, frozen=True, kw_only=True):
    """Findings: all runs of parsers, and all floods."""

    title: ClassVar[str] = "harvesting"
    introduction: ClassVar[str] = """\
# Harvesting

How much processor time server-sent events take, and whether all are found: the parser of `harvest` beside others, and
whole runs of `harvest` against a flood. The machine is busy with other work, too: that slows all down at times, so the
rates of parsers are the best of all rounds, and times by the clock say little.

- **Parsers**: each in a process of its own, in turns, on the same chunks from memory: messages of the local streams, of
  1 kB. The figures are frames per second of user and system time, first without and then with reading each frame: JSON,
  and for `ours` also the validation of its fields and its instant. A rate says little if frames are lost.
- **Traps**: the frames found are compared with those that were written, by event and data.
- **Floods**: three streams send as fast as they are read, over HTTP on this machine, from another process; 2 % of their
  messages are malformed. Frames are parsed, validated, checked for repeats, and written with a journal. To finish, the
  CSV file, archive and reports are made from the raw files. Afterwards, the ids of the events and the numbers of
  malformed frames are compared with those that were sent. Ids are kept to find repeats, so memory grows with them."""

    runs: list[Run]
    floods: list[Flood]

    def as_markdown(self) -> str:
        """Return tables of the rates, the traps and the floods."""
        names = [side.name for side in SIDES if any(run.side == side.name for run in self.runs)]
        sides = "\n".join(f"- `{side.name}`: {side.what}" for side in SIDES if side.name in names)
        rates = page.table(_RATES, [self._rates(name) for name in names], _RATES[:1])
        heading = ("trap", *names)
        traps = page.table(heading, [self._trap(form.name, form.what, names) for form in FORMS], heading)
        floods = page.table(_FLOODS, [_row(flood) for flood in self.floods], _FLOODS[:1])
        problems = "\n".join(f"- wrong: {problem}" for problem in self.problems)
        results = problems or f"`{OURS}` found every frame, and every flood gave exactly the events that were sent."
        return "\n\n".join([rates, sides, traps, floods, results])

    def _of(self, side: str, stream: str) -> list[Run]:
        return [run for run in self.runs if run.side == side and run.parsed.stream == stream]

    def _rates(self, side: str) -> list[str]:
        rates = [
            max(run.frames / getattr(run.parsed, time) for run in self._of(side, stream))
            for stream in (PLAIN, HOSTILE)
            for time in ("parse_s", "read_s")
        ]
        return [f"`{side}`", *(f"{rate:,.0f}" for rate in rates)]

    def _trap(self, stream: str, what: str, sides: Iterable[str]) -> list[str]:
        [frames] = {run.frames for run in self.runs if run.parsed.stream == stream}
        verdicts = (dict.fromkeys(run.verdict for run in self._of(side, stream)) for side in sides)
        return [f"{what} ({frames:,} frames)", *("; ".join(each) for each in verdicts)]


def _row(flood: Flood) -> list[str]:
    cpu = (f"{seconds:.1f}" for seconds in (flood.cpu_s, flood.server_s, flood.finish_s))
    memory = (f"{size / 1e6:.1f}" for size in (flood.early_bytes, flood.late_bytes, flood.peak_bytes))
    rates = (f"{flood.frames / seconds:,.0f}" for seconds in (flood.listened_s, flood.cpu_s))
    return [flood.ids, f"{flood.frames:,}", *rates, *cpu, *memory]


def measured(asked: Asked, cache: Callable[[str], Path]) -> tuple[Harvesting, list[str]]:
    """Measure; return the findings, and what it ran on, a line each.

    Args:
        cache: returns a folder that is kept, by its name.

    Raises:
        MetricsError: a side failed.
    """
    pythons = interpreters(cache("environments"), [side.packages for side in SIDES])
    runs = parsed_in_turns(pythons, asked.rounds, FRAMES, TRAP_FRAMES)
    floods, problems = list[Flood](), wrong(runs)
    for ids in get_args(Ids):
        say(f"a flood of frames with ids: {ids}")
        flood, found = flooded(ids, LONG_SECONDS if asked.is_long else SECONDS)
        floods.append(flood)
        problems += found
    return Harvesting(runs=runs, floods=floods, problems=[*problems, *grown(floods)]), _versions()


def grown(floods: Sequence[Flood]) -> list[str]:
    """Return whether memory grows while frames without ids are read, in words."""
    most_mb = max((flood.late_bytes - flood.early_bytes) / 1e6 for flood in floods if flood.ids == "none")
    return [f"memory grew by {most_mb:.1f} MB, instead of {FLAT_MB}"] if most_mb > FLAT_MB else []


def _versions() -> list[str]:
    pins = (line.split("==") for line in (PEERS / f"{PACKAGES}{SUFFIX}").read_text().splitlines())
    return [", ".join(f"{package} {version}" for package, version in pins if package in _SHOWN)]
