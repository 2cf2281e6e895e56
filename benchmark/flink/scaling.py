"""Scaling: processor time of a frame on Flink and here, memory of a user, and what follows for many cores."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import ClassVar, NamedTuple

import msgspec

from benchmark import broker, frames, page, process
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.environments import interpreters
from benchmark.flink import memory
from benchmark.flink.memory import UserMemory
from benchmark.frames import Made, Recipe
from benchmark.on_flink import Course, Sample
from benchmark.rounds import Run, Runner, in_turn
from benchmark.sides import ON_FLINK, OURS, WITH_FEWER_CHECKPOINTS, Side
from metrics.files.line_reader import Lines
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.flink.local_cluster.settings import FLINK_VERSION
from metrics.terminal.console import say
from metrics.wording.errors import MetricsError

PARTITIONS = 4
FRAME_US, SECOND_TASK, USER_BYTES = 30.0, 0.10, 450
CORES = (1, 10, 100, 1_000)
FRAME_BYTES = 2_080
WARM_UP = 0.5  # of the frames: Java's code is slow until it is compiled, for a million of each task manager
WINDOWS_PART = 10  # of the frames; of the input with a window for each frame
SIDES = (OURS, *ON_FLINK.values(), *WITH_FEWER_CHECKPOINTS)

_COSTS = (
    "side",
    "µs of CPU a frame",
    "times `ours`",
    "of its task managers",
    "start, warm-up and stop (CPU s)",
    "compiling (CPU s)",
    "frames/s",
    "steady frames/s",
    "first frame (s)",
    "peak RSS (MB)",
)
_PAPER = (
    "cores of task managers",
    "frames/s",
    "input (MB/s)",
    "partitions, at least",
    "rows/s for the one task of the seconds, live",
    "event time it can catch up in an hour (h)",
)


_TARGETS = (
    f"Targets: {FRAME_US:.0f} µs of CPU a frame at parallelism 1, {SECOND_TASK:.0%} more at 2, with a checkpoint each "
    f"second; {USER_BYTES} bytes a user in an open minute."
)


class ScalingError(MetricsError):
    """A side that failed, counted wrongly, or was given too few frames."""


class Asked(NamedTuple):
    """What to measure.

    Attributes:
        frames: of the input.
        rounds: number of runs of each side.
    """

    frames: int = 4_000_000
    rounds: int = 3


class Cost(msgspec.Struct, frozen=True):
    """Run of a side.

    Attributes:
        cpu_s: the processor time of all its processes, from their start to their end.
        warm: of Flink, its first sample after the warm-up and its last; None for this application.
        seconds, steady_rate, first_frame_s, peak_rss_bytes: as in RESULTS.md.
    """

    name: str
    frames: int
    cpu_s: float
    warm: tuple[Sample, Sample] | None
    seconds: float
    steady_rate: float
    first_frame_s: float
    peak_rss_bytes: int

    @property
    def frame_us(self) -> float:
        """Processor time of a frame, in microseconds: of Flink, after the warm-up and without compiling."""
        if self.warm is None:
            return 1e6 * self.cpu_s / self.frames
        return self._slope_us(lambda sample: sample.all_s - sample.compiling_s)

    @property
    def worker_us(self) -> float:
        """The same of Flink's task managers alone."""
        return self._slope_us(lambda sample: sample.task_managers_s - sample.compiling_s)

    @property
    def compiling_s(self) -> float:
        """Processor time of compiling."""
        assert self.warm
        return self.warm[-1].compiling_s

    @property
    def start_s(self) -> float:
        """Processor time beyond that of frames and compiling."""
        return self.cpu_s - self.compiling_s - self.frames * self.frame_us / 1e6

    def _slope_us(self, spent_s: Callable[[Sample], float]) -> float:
        assert self.warm
        first, last = self.warm
        return 1e6 * (spent_s(last) - spent_s(first)) / (last.frames - first.frames)


class Scaling(page.Findings, frozen=True, kw_only=True):
    """Findings: a cost for each side and round; `window_us` is the processor time of a second, by round."""

    title: ClassVar[str] = "scaling"
    introduction: ClassVar[str] = f"""\
# Scaling

How much processor time a frame takes on Apache Flink {FLINK_VERSION} and in this application, and what follows for many
cores: the same frames, the same broker, in turns.

- Each side counts an input of {PARTITIONS} partitions, from a cold start to the end of the input. Flink's processor
  time is that of all of its processes (a job manager, two task managers, the SQL gateway) and of the script that
  starts them and waits for the end, which asks less often than `flink run`; its **task managers** do the counting.
- **Of a frame** is what the second half of the frames took, between two checkpoints of the same run: Java's code is
  slow until it is compiled, for a million frames or so of each task manager. **Compiling**, which each does for
  itself and then no more, is left out, and has a column. What remains is **start, warm-up and stop**. Of this
  application, it is all of the processor time, its start too.
- At each **checkpoint**, the task managers write the users of open minutes, and records become visible: `flink` and
  `flink_2`, with one task and with two, make one each second, which is the default; `flink_10s` and `flink_2_10s`
  every 10 s, as deploy/kubernetes/flink does.
- **Frames/s**, **steady frames/s** and **first frame** are as in [RESULTS.md](../benchmark/RESULTS.md). Windows are
  compared with a plain recount each time.
- **A user in an open minute**: heap of the task managers after a full collection (`jcmd GC.run`, `jstat -gc`) with
  {memory.FEW:,} users in one minute and with {memory.MANY:,}, and the size of the checkpoint.
- **A window**: an input with about one frame a second instead of 1,000 has a second for about each frame. What it
  takes beyond the frames is the processor time of a second, spent in one task: averages and gaps are of an ordered
  series."""

    costs: list[Cost]
    window_us: list[float]
    memory: UserMemory

    def of(self, side: Side, read: Callable[[Cost], float]) -> float:
        """Return the median of a figure of a side."""
        return median(read(cost) for cost in self.costs if cost.name == side.name)

    def as_markdown(self) -> str:
        """Return the costs, what many cores take on paper, and the targets."""
        costs = page.table(_COSTS, [self._cost_row(side) for side in SIDES], _COSTS[:1])
        paper = page.table(_PAPER, [self._paper_row(cores) for cores in CORES])
        results = "\n".join(f"- missed: {problem}" for problem in self.problems) or "- all met"
        return "\n\n".join([costs, self._memory(), "## On paper", paper, self._bounds(), f"{_TARGETS}\n\n{results}"])

    def _cost_row(self, side: Side) -> list[str]:
        is_flink = side is not OURS
        return [
            f"`{side.name}`",
            f"{self.of(side, lambda cost: cost.frame_us):.1f}",
            f"{self.of(side, lambda cost: cost.frame_us) / self.of(OURS, lambda cost: cost.frame_us):.1f}",
            f"{self.of(side, lambda cost: cost.worker_us):.1f}" if is_flink else "",
            f"{self.of(side, lambda cost: cost.start_s):.1f}" if is_flink else "",
            f"{self.of(side, lambda cost: cost.compiling_s):.1f}" if is_flink else "",
            f"{self.of(side, lambda cost: cost.frames / cost.seconds):,.0f}",
            f"{self.of(side, lambda cost: cost.steady_rate):,.0f}",
            f"{self.of(side, lambda cost: cost.first_frame_s):.2f}",
            f"{max(cost.peak_rss_bytes for cost in self.costs if cost.name == side.name) / 1e6:,.0f}",
        ]

    def _memory(self) -> str:
        return (
            f"A user in an open minute takes {self.memory.user_bytes:.0f} bytes of heap, and "
            f"{self.memory.user_checkpoint_bytes:.0f} bytes in a checkpoint. "
            f"A second takes {median(self.window_us):.0f} µs."
        )

    def _paper_row(self, cores: int) -> list[str]:
        rate = 1e6 * cores / self.of(ON_FLINK[2], lambda cost: cost.frame_us)
        return [
            f"{cores:,}",
            _rough(rate),
            _rough(rate * FRAME_BYTES / 1e6),
            f"{cores:,}",
            f"{cores:,}",
            _rough(1e6 / median(self.window_us)),
        ]

    def _bounds(self) -> str:
        ours, flink = (self.of(side, lambda cost: cost.frame_us) for side in (OURS, ON_FLINK[2]))
        return (
            f"Computed, not measured, from frames of {FRAME_BYTES:,} bytes and the processor time of a frame at "
            "parallelism 2, the highest that was run, with a checkpoint each second. A frame is taken to cost as "
            "much on any number of cores. What bounds it:\n\n"
            "- A partition is read by one task, so there are no more tasks that read than partitions. The task that "
            "judges its frames is found by a hash, which gives some tasks several partitions and others none: have "
            "several times more partitions than tasks.\n"
            "- The ordered series of each window size is one task. It sees windows, not frames: each task that counts "
            "sends it one row a window. So it bounds how fast event time can pass in a replay, and not the number of "
            "frames. The last column is an upper limit: the time of a second was measured with one row, not one per "
            "core.\n"
            f"- Below {flink / ours:.1f} cores of Flink, one process of this application counts faster "
            f"({ours:.1f} beside {flink:.1f} µs a frame)."
        )


def _rough(number: float) -> str:
    """Return a number to two digits: no more are known."""
    return f"{float(f'{number:.2g}'):,.0f}"


def measured(asked: Asked, cache: Callable[[str], Path]) -> tuple[Scaling, str]:
    """Measure; return the findings, and what the broker was.

    Args:
        cache: returns a folder that is kept, by its name.

    Raises:
        MetricsError: the broker cannot be started, or a side failed.
    """
    recipes = {
        "frames": Recipe(asked.frames),
        "windows": Recipe(asked.frames // WINDOWS_PART, rate=1.0),
    }
    made = {name: frames.prepared(cache("frames"), recipe) for name, recipe in recipes.items()}
    costs, window_us, problems = list[Cost](), list[float](), list[str]()
    with broker.running(cache("broker")) as running, loaded(running, made) as runners:
        for number in range(1, asked.rounds + 1):
            for side in in_turn(SIDES, number):
                costs.append(said(cost_of(good(runners["frames"], side, number), made["frames"])))
                if side is ON_FLINK[1]:
                    spread = cost_of(good(runners["windows"], side, number), made["windows"])
                    window_us.append(window_us_of(spread, made["windows"], costs[-1]))
        per_user = memory.measured(running)
    found = Scaling(costs=costs, window_us=window_us, memory=per_user, problems=problems)
    found.problems.extend(missed(found))
    return found, running.name


@contextmanager
def loaded(running: Broker, made: Mapping[str, Made]) -> Iterator[dict[str, Runner]]:
    """Load each input into a topic, and yield a runner on each; at the end, the topics are deleted."""
    prefix = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-frames"
    try:
        runners = {}
        for name, each in made.items():
            topic = f"{prefix}-{name}"
            running.create(topic, partitions=PARTITIONS)
            for _ in running.load(topic, Lines([each.path], MAX_FRAME_BYTES), PARTITIONS):
                pass
            runners[name] = Runner(running, topic, each.truth, interpreters(Path(), [None]))
        yield runners
    finally:
        running.delete(prefix)


def good(runner: Runner, side: Side, number: int) -> Run:
    """Run a side once.

    Raises:
        ScalingError: it failed, or its windows are wrong.
    """
    run = runner.run(side, number)
    if not run.is_good:
        raise ScalingError(f"{side.name} failed: {run.failure or run.problems[0]}", why=run.last_errors)
    return run


def cost_of(run: Run, made: Made) -> Cost:
    """Return what a side took.

    Raises:
        ScalingError: Flink had made fewer than two checkpoints after the warm-up.
    """
    assert run.measured
    assert run.report
    courses = process.reports(run.printed, Course)
    return Cost(
        run.side.name,
        made.truth.frames,
        run.measured.cpu_s,
        warm_samples(courses[0], made.truth.frames) if courses else None,
        run.measured.seconds,
        run.report.steady_rate,
        run.report.first_frame_s,
        run.measured.peak_rss_bytes,
    )


def warm_samples(course: Course, frames: int) -> tuple[Sample, Sample]:
    """Return the first sample after the warm-up, and the last.

    Raises:
        ScalingError: there are no two.
    """
    warm = [sample for sample in course.samples if sample.frames >= WARM_UP * frames]
    if len(warm) < 2:
        raise ScalingError("too few frames: no two checkpoints in half of them", hint="take --frames 4000000, or more")
    return warm[0], warm[-1]


def said(cost: Cost) -> Cost:
    """Print a cost as a line, and return it."""
    rest = (
        f", {cost.start_s:.1f} CPU s to start, warm up and stop, {cost.compiling_s:.1f} to compile" if cost.warm else ""
    )
    say(f"{cost.name:<8} {cost.frame_us:>6.1f} µs of CPU a frame{rest}")
    return cost


def window_us_of(spread: Cost, made: Made, cost: Cost) -> float:
    """Return the processor time of a second, in microseconds: what a frame takes more if it has one of its own."""
    return (spread.frame_us - cost.frame_us) * made.truth.frames / len(made.truth.seconds)


def missed(found: Scaling) -> list[str]:
    """Return the targets that are missed, in words."""
    one, two = (found.of(side, lambda cost: cost.frame_us) for side in ON_FLINK.values())
    user_bytes = found.memory.user_bytes
    checks = {
        f"{one:.1f} µs of CPU a frame at parallelism 1, instead of {FRAME_US:.0f}": one <= FRAME_US,
        f"{two / one - 1:.0%} more at parallelism 2, instead of {SECOND_TASK:.0%}": two <= one * (1 + SECOND_TASK),
        f"{user_bytes:.0f} bytes a user in an open minute, instead of {USER_BYTES}": user_bytes <= USER_BYTES,
    }
    return [text for text, is_met in checks.items() if not is_met]
