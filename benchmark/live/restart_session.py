"""One measurement of restarts from end to end."""

import os
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep, time
from typing import NamedTuple

from benchmark import broker, cache, sections
from benchmark.broker import Arrived, Broker
from benchmark.contract import LATENESS_S
from benchmark.live import restart_page, stage
from benchmark.live.fed import seconds_of
from benchmark.live.restart import Start, first_after, start, took_over
from benchmark.live.restart_page import Found
from benchmark.live.stage import RATE, Stage
from benchmark.live.taking_over import TookOver
from benchmark.process import Running
from benchmark.truth import MINUTE_S, SECOND_S
from metrics.terminal import console
from metrics.terminal.console import say

RESULT_TIMEOUT_S = 60.0
LONGEST_ROUND_S = 30
LIVE_S = 0.3  # a result that took no longer was not waited for: the backlog is gone
# What closes a second is committed about so long after it came: then, a transaction is open.
COMMITTING_S = 0.008
AT_RANDOM, COMMITTING = "at a random moment", "while it commits a second"


class Plan(NamedTuple):
    """What is to be measured.

    Attributes:
        docs: folder that page and numbers are written to; None: they are only printed.
        command: that asked for it, for the page.
    """

    rounds: int
    docs: Path | None
    command: str


def run(plan: Plan) -> bool:
    """Measure, print the table, and write what the plan says.

    Returns:
        Whether the results were right over all restarts.

    Raises:
        MetricsError: there is no broker, or a process ended early.
    """
    with broker.running(cache.folder("broker"), os.environ) as running:
        with console.bar("restarts", plan.rounds) as move:
            found = measured(running, plan.rounds, move)
        say(f"\n{restart_page.as_markdown(found)}\n")
        if plan.docs is not None:
            restart_page.write(plan.docs, found, sections.circumstances(plan.command, running.name))
            say(f"wrote {console.shown(plan.docs / restart_page.PAGE)}")
    for problem in found.problems:
        console.warn(f"wrong: {problem}")
    return not found.problems


def measured(running: Broker, rounds: int, move: Callable[[int], None]) -> Found:
    """Kill and start the application again and again while frames come in.

    Args:
        move: told how many restarts are done.
    """
    starts: list[Start] = []
    kills = [AT_RANDOM if number % 2 else COMMITTING for number in range(1, rounds + 1)]
    with stage.set_up(running) as live, live.feeder(RATE, LONGEST_ROUND_S * (rounds + 2)) as feeder:
        for number, (killed, next_killed) in enumerate(pairwise(["", *kills, None])):
            with live.application() as application:
                taken, first = _result(live, application, feeder)
                move(number)
                live.wait(lambda: _is_live(live), "the backlog is counted", RESULT_TIMEOUT_S, application, feeder)
                if next_killed is None:
                    feeder.kill()
                    began = seconds_of(feeder.printed)
                    live.wait_for_last(began, application)
                else:
                    _wait_to_kill(next_killed)
                application.kill()
                started_s = application.finished().measured.started_s
            starts.append(start(killed or "", started_s, taken, first))
        return Found(starts, list(live.problems(began)))


def _result(live: Stage, application: Running, feeder: Running) -> tuple[TookOver, Arrived]:
    """Wait for the first result of a start; returns also when it took over."""
    live.wait(
        lambda: took_over(application.printed) is not None,
        "the application takes over",
        RESULT_TIMEOUT_S,
        application,
        feeder,
    )
    taken = took_over(application.printed)
    assert taken is not None
    live.wait(
        lambda: first_after(live.arrived, taken.ended_s) is not None,
        "results come",
        RESULT_TIMEOUT_S,
        application,
        feeder,
    )
    first = first_after(live.arrived, taken.ended_s)
    assert first is not None
    return taken, first


def _is_live(live: Stage) -> bool:
    """Tell whether the last record came as soon as its window could be closed: the feeder's event time is wall time."""
    at_s, topic, window = live.arrived[-1]
    closed_at_s = window.start + (SECOND_S if topic == live.task.seconds_topic else MINUTE_S) + LATENESS_S
    return time() - (monotonic() - at_s) - closed_at_s <= LIVE_S


def _wait_to_kill(when: str) -> None:
    sleep(random.uniform(0.2, 1.2))
    if when == COMMITTING:
        sleep(1 - time() % 1 + COMMITTING_S)
