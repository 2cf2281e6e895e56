"""Measurement of latency: frames are fed live to the application, and its records are timed."""

from benchmark.broker import Broker
from benchmark.live import rig
from benchmark.live.latency import Found, paired
from benchmark.live.rig import RATE, START_TIMEOUT_S, MeasurementError
from benchmark.truth import MINUTE_S, SECOND_S
from metrics.terminal import console

CLOSING_S = 7.0  # until the first frame closes a second


def measured(broker: Broker, seconds: int) -> Found:
    """Feed frames until about this many one-second windows are closed, and return the latency of each window."""
    with (
        console.bar(f"closing {seconds} one-second windows", seconds) as move,
        rig.set_up(broker) as live,
        live.application() as application,
    ):
        live.wait_for_take_over(application)
        with live.feeder(seconds + CLOSING_S) as feeder:

            def has_ended() -> bool:
                move(len(live.arrived))
                return feeder.has_ended()

            live.wait(has_ended, "the frames are fed", seconds + START_TIMEOUT_S, application)
            fed = feeder.finish()
            if fed.failure:
                raise MeasurementError(f"the feeder: {fed.failure}", why=fed.last_errors)
        began, problems = live.checked(feeder, application)
    return Found(
        rate=RATE,
        seconds=paired(began, live.arrived, live.task.seconds_topic, SECOND_S),
        minutes=paired(began, live.arrived, live.task.minutes_topic, MINUTE_S),
        problems=problems,
    )
