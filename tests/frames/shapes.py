"""Streams as people have them: frames of several shapes, with the settings that read them."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from tests.kafka.application import Application
from tests.reference import Answer, Sent, count_all

START = 1_600_000_020  # a full minute
ZONES = (UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=3, minutes=30)))


class Stream(NamedTuple):
    """Stream of one shape: the settings that read it, and a frame of it at a time of a user."""

    settings: dict[str, str]
    frame: Callable[[float, int], object]


def zeek(time_s: float, user: int) -> object:
    return {"ts": time_s, "uid": "CXWv6p3arKYeMETxOg", "id.orig_h": f"10.0.0.{user}", "proto": "tcp"}


def milliseconds(time_s: float, user: int) -> object:
    return {"time": round(time_s * 1000), "user": f"u{user}", "ts": "not this", "uid": None}


def nested(time_s: float, user: int) -> object:
    return {"event": {"at": f"{time_s:.6f}", "2": []}, "who": {"user/id": user if user % 2 else str(user)}}


def iso(time_s: float, user: int) -> object:
    time = datetime.fromtimestamp(time_s, ZONES[user % 3]).isoformat(" " if user % 2 else "T", "milliseconds")
    return {"@timestamp": time.replace("+00:00", "Z" if user % 4 else ""), "uid": f"u{user}"}


def microseconds(time_s: float, user: int) -> object:
    return {"ts": f"{round(time_s * 1_000_000)}", "uid": f"u{user}"}


SHAPES = {
    "logs of Zeek": Stream({"UID_FIELD": "id.orig_h"}, zeek),
    "milliseconds": Stream({"TS_FIELD": "time", "TS_FORMAT": "milliseconds", "UID_FIELD": "user"}, milliseconds),
    "nested fields and users that are integers": Stream(
        {"TS_FIELD": "/event/at", "UID_FIELD": "/who/user~1id", "UID_FORMAT": "any"}, nested
    ),
    "times of ISO 8601": Stream({"TS_FIELD": "@timestamp", "TS_FORMAT": "iso8601"}, iso),
    "microseconds as text": Stream({"TS_FORMAT": "microseconds"}, microseconds),
}


def timeline() -> list[tuple[float, int]]:
    """Return times and users, some late, with a gap."""
    draw = random.Random(20)
    steps = [draw.choice([0.0, 0.05, 0.4, 1.2]) for _ in range(600)]
    times_s = [START + sum(steps[:nth]) + (30 if nth > 400 else 0) for nth in range(len(steps))]
    return [(round(time_s - draw.choice([0, 0, 0, 0, 3, 9]), 3), draw.randrange(20)) for time_s in times_s]


def lines(stream: Stream) -> list[bytes]:
    """Return the frames of the timeline, with some among them that lack a time or a user."""
    frames = [json.dumps(stream.frame(time_s, user)).encode() for time_s, user in timeline()]
    return [line for frame in frames for line in ([frame, b"{}", frame[:-1]] if len(frame) % 7 == 0 else [frame])]


def counted() -> Answer:
    """Return the plain count of the timeline."""
    sent = [Sent(int(time_s), str(user)) for time_s, user in timeline()]
    return count_all({0: sent}, lateness_s=5, gap_limit_s=3_600)


def send_recorded(application: Application) -> None:
    """Send frames without a time, each recorded at its place in the timeline."""
    for time_s, user in timeline():
        application.send([json.dumps({"user": f"u{user}"}).encode()], timestamp=round(time_s * 1000))
