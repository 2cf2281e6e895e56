"""Measurement of restarts: the application is killed and restarted while frames come in."""

import random
from itertools import pairwise
from time import monotonic, sleep, time

from benchmark.broker import Arrived, Broker
from benchmark.contract import LATENESS_S
from benchmark.live import rig
from benchmark.live.restart import Found, Start, first_after, start
from benchmark.live.rig import Rig
from benchmark.ours import TookOver
from benchmark.process import Running
from benchmark.truth import MINUTE_S, SECOND_S
from metrics.terminal import console

RESULT_TIMEOUT_S = 60.0
LONGEST_ROUND_S = 30
LIVE_S = 0.3  # a result that took no longer was not delayed by a backlog
# After the frame that closes a second, its transaction is open at about this time.
COMMITTING_S = 0.008
AT_RANDOM, COMMITTING = "at a random moment", "while it commits a second"


def measured(broker: Broker, rounds: int) -> Found:
    """Kill and restart the application once per round, and return the duration of each start."""
    starts: list[Start] = []
    kills = [AT_RANDOM if number % 2 else COMMITTING for number in range(1, rounds + 1)]
    problems: list[str] = []
    with (
        console.bar("restarts", rounds) as move,
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
    """Wait for the first result of a start; returns also when it took over."""
    took_over = live.wait_for_take_over(application, feeder)

    def first() -> Arrived | None:
        return first_after(live.arrived, took_over.ended_s)

    return took_over, live.wait(first, "the first result", RESULT_TIMEOUT_S, application, feeder)


def _is_live(live: Rig) -> bool:
    """Return whether the last record came as soon as its window could close: the feeder's event time is wall time."""
    at_s, topic, window = live.arrived[-1]
    closed_at_s = window.start + (SECOND_S if topic == live.task.seconds_topic else MINUTE_S) + LATENESS_S
    return time() - (monotonic() - at_s) - closed_at_s <= LIVE_S


def _wait_to_kill(when: str) -> None:
    sleep(random.uniform(0.2, 1.2))
    if when == COMMITTING:
        sleep(1 - time() % 1 + COMMITTING_S)
