"""Restart: from the start of a new process after a SIGKILL until its first result; docs/RESTART.md.

The application is killed and restarted while frames come in.
"""

import random
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter
from statistics import median
from time import monotonic, sleep, time

import msgspec

from benchmark import page
from benchmark.broker import Arrived, Broker
from benchmark.contract import LATENESS_S
from benchmark.live import rig
from benchmark.live.rig import Rig
from benchmark.ours import TookOver
from benchmark.process import Running
from metrics.frames.sizes import MINUTE, SECOND
from metrics.terminal.progress import bar

RESULT_TIMEOUT_S = 60.0
LONGEST_ROUND_S = 30
LIVE_S = 0.3  # a result that took longer was delayed by a backlog
# After the frame that closes a second, its transaction is open at about this time.
COMMITTING_S = 0.008
AT_RANDOM, COMMITTING = "at a random moment", "while it commits a second"

_HEADING = (
    "killed",
    "starting (s)",
    "taking over (s)",
    "catching up (s)",
    "total (s)",
    "without taking over (s)",
)
_READ = attrgetter("until_taking_over_s", "taking_over_s", "until_result_s", "total_s", "besides_s")


class Start(msgspec.Struct, frozen=True):
    """Duration of one start of the application, in seconds.

    Attributes:
        killed: when the previous instance was killed, in words; empty for the first start.
        until_taking_over_s: from the start of the process until it begins to take over.
        taking_over_s: from then until the broker has answered.
        until_result_s: from then until the next result is readable.
    """

    killed: str
    until_taking_over_s: float
    taking_over_s: float
    until_result_s: float

    @property
    def total_s(self) -> float:
        """From the start of the process to the next result."""
        return self.until_taking_over_s + self.taking_over_s + self.until_result_s

    @property
    def besides_s(self) -> float:
        """The total without the broker's time for taking over."""
        return self.total_s - self.taking_over_s


def start(killed: str, started_s: float, took_over: TookOver, first: Arrived) -> Start:
    """Return the duration of a start.

    Args:
        started_s: when the process was started, by `time.monotonic`.
        first: the first result that became readable after it took over.
    """
    return Start(
        killed,
        until_taking_over_s=took_over.began_s - started_s,
        taking_over_s=took_over.ended_s - took_over.began_s,
        until_result_s=first.at_s - took_over.ended_s,
    )


def first_after(arrived: Sequence[Arrived], at_s: float) -> Arrived | None:
    """Return the first record that became readable after a moment; earlier ones are the previous instance's."""
    return next((record for record in arrived if record.at_s > at_s), None)


class Found(page.Findings, frozen=True, kw_only=True):
    """Durations of starts, the first of which has no previous instance."""

    title = "restart"
    introduction = """\
# Restart

How long results are missing: while frames come in live, 1,000 per second, the application is killed by SIGKILL and
restarted at once. The clock starts with the new process, and stops when a `read_committed` consumer has its first
record.

- **Starting**: Python starts, modules are imported, topics are checked. The saved state names the previous
  process; if that ran on the same machine and has ended, it is not waited for. On another machine, the new process
  would wait until its heartbeat is 5 s old.
- **Taking over**: `init_transactions`. The broker fences the previous instance, and ends the transaction that it left
  open; before that, nothing can be read or written safely. The first start has no previous instance; on a new broker,
  it waits until the broker has created its own topic for transactions.
- **Catching up**: the state is read, open windows are rebuilt from the input topic, the backlog is counted,
  and the next window is committed.

The application runs as `app.py` does, except that it prints the times of taking over. The command below writes this
page; the figures are also in `restart.json`."""

    starts: list[Start]

    def as_markdown(self) -> str:
        """Return the table, and a sentence on the results."""
        first, *restarts = self.starts
        begun = (f"{first.until_taking_over_s:.2f}", f"{first.taking_over_s:.2f}")  # its result waits for frames
        rows: list[tuple[str, ...]] = [("first start", *begun, "-", "-", "-")]
        rows += [(each.killed, *(f"{number:.2f}" for number in _READ(each))) for each in restarts]
        if restarts:
            columns = [*zip(*map(_READ, restarts), strict=True)]
            rows.append(("**median of restarts**", *(f"**{median(column):.2f}**" for column in columns)))
            rows.append(("**longest**", *(f"**{max(column):.2f}**" for column in columns)))
        results = "; ".join(self.problems) or "right, by a plain recount: each window once"
        return f"{page.table(_HEADING, rows, _HEADING[:1])}\n\nResults over all restarts: {results}."


def measured(broker: Broker, rounds: int) -> Found:
    """Kill and restart the application once per round, and return the duration of each start."""
    starts: list[Start] = []
    kills = [AT_RANDOM if number % 2 else COMMITTING for number in range(1, rounds + 1)]
    problems: list[str] = []
    with (
        bar("restarts", rounds) as move,
        rig.set_up(broker) as live,
        live.feeder(LONGEST_ROUND_S * (rounds + 2)) as feeder,
    ):
        for number, (killed, next_killed) in enumerate(pairwise(["", *kills, None])):
            with live.application() as application:
                took_over, first = _result(live, application, feeder)
                move(number)
                live.wait(lambda: _is_live(live), "the backlog is counted", RESULT_TIMEOUT_S, application, feeder)
                if next_killed is None:
                    _, problems = live.checked(feeder, application)
                else:
                    _wait_to_kill(next_killed)
                started_s = application.finish().measured.started_s
            starts.append(start(killed or "", started_s, took_over, first))
    return Found(starts=starts, problems=problems)


def _result(live: Rig, application: Running, feeder: Running) -> tuple[TookOver, Arrived]:
    """Wait until the application has taken over, and then for its first result; return both."""
    took_over = live.wait_for_take_over(application, feeder)
    first = live.wait(
        lambda: first_after(live.arrived, took_over.ended_s), "the first result", RESULT_TIMEOUT_S, application, feeder
    )
    return took_over, first


def _is_live(live: Rig) -> bool:
    """Return whether the last record came as soon as its window could close: the feeder's event time is wall time."""
    at_s, topic, window = live.arrived[-1]
    size = SECOND if topic == live.task.seconds_topic else MINUTE
    closed_at_s = window.start + size.size_s + LATENESS_S
    return time() - (monotonic() - at_s) - closed_at_s <= LIVE_S


def _wait_to_kill(when: str) -> None:
    sleep(random.uniform(0.2, 1.2))
    if when == COMMITTING:
        sleep(1 - time() % 1 + COMMITTING_S)
