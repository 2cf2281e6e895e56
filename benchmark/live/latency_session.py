"""One measurement of latency from end to end."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmark import broker, cache, sections
from benchmark.broker import Broker
from benchmark.live import latency_page, stage
from benchmark.live.fed import seconds_of
from benchmark.live.latency import paired
from benchmark.live.latency_page import Found
from benchmark.live.restart import took_over
from benchmark.live.stage import RATE, START_TIMEOUT_S
from benchmark.truth import MINUTE_S, SECOND_S
from metrics.terminal import console
from metrics.terminal.console import say

CLOSING_S = 7.0  # until the first frame closes a second


class Plan(NamedTuple):
    """What is to be measured.

    Attributes:
        seconds: how many seconds are to be closed, about.
        docs: folder that page, picture and numbers are written to; None: they are only printed.
        command: that asked for it, for the page.
    """

    seconds: int
    docs: Path | None
    command: str


def run(plan: Plan) -> bool:
    """Measure, print the table, and write what the plan says.

    Returns:
        Whether the results were right.

    Raises:
        MetricsError: there is no broker, or a process ended early.
    """
    with broker.running(cache.folder("broker"), os.environ) as running:
        with console.bar(f"closing {plan.seconds} seconds", plan.seconds) as move:
            found = measured(running, plan.seconds, move)
        say(f"\n{latency_page.as_markdown(found)}\n")
        if plan.docs is not None:
            latency_page.write(plan.docs, found, sections.circumstances(plan.command, running.name))
            say(f"wrote {console.shown(plan.docs / latency_page.PAGE)}")
    for problem in found.problems:
        console.warn(f"wrong: {problem}")
    return not found.problems


def measured(running: Broker, seconds: int, move: Callable[[int], None]) -> Found:
    """Feed frames live to the application, and find what each window took.

    Args:
        move: told how many windows have come.
    """
    with stage.set_up(running) as live, live.application() as application:
        live.wait(lambda: took_over(application.printed) is not None, "it takes over", START_TIMEOUT_S, application)
        with live.feeder(RATE, seconds + CLOSING_S) as feeder:

            def has_ended() -> bool:
                move(len(live.arrived))
                return feeder.has_ended()

            live.wait(has_ended, "the frames are fed", seconds + START_TIMEOUT_S, application)
            stage.require_success(feeder, "the feeder")
        began = seconds_of(feeder.printed)
        live.wait_for_last(began, application)
    seconds_topic, minutes_topic = live.task.seconds_topic, live.task.minutes_topic
    return Found(
        rate=RATE,
        seconds=paired(began, live.arrived, seconds_topic, SECOND_S),
        minutes=paired(began, live.arrived, minutes_topic, MINUTE_S),
        problems=list(live.problems(began)),
    )
