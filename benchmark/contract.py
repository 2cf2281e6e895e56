"""The contract with a side: its task comes in environment variables, its report is one line of JSON.

Peers run in environments of their own, so this module needs nothing but the standard library.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from time import monotonic

PREFIX = "BENCHMARK_"
STARTED = f"{PREFIX}STARTED_S"

LATENESS_S = 5


@dataclass(frozen=True)
class Task:
    """Task of a side: count all frames of a topic, and end.

    Attributes:
        bootstrap_servers: the broker, `host:port`.
        input_topic: one partition of frames.
        seconds_topic: for `{"timestamp": start, "num_of_frames": n}` per second.
        minutes_topic: for `{"timestamp": start, "unique_users": n}` per minute.
        copy_topic: for the frames themselves, from a side that republishes.
        group_id: consumer group, new in each run.
        frames: number of frames in the input topic.
        folder: an empty folder for the files of a side.
    """

    bootstrap_servers: str
    input_topic: str
    seconds_topic: str
    minutes_topic: str
    copy_topic: str
    group_id: str
    frames: int
    folder: str

    @classmethod
    def named(cls, name: str, bootstrap_servers: str, input_topic: str, frames: int = 0, folder: str = "") -> "Task":
        """Return a task whose output topics and group begin with a name."""
        seconds, minutes, copies = f"{name}-seconds", f"{name}-minutes", f"{name}-copies"
        return cls(bootstrap_servers, input_topic, seconds, minutes, copies, name, frames, folder)

    @property
    def numbers(self) -> dict[str, str]:
        """The topics of windows, of seconds first, each with the field for a window's count."""
        return {self.seconds_topic: "num_of_frames", self.minutes_topic: "unique_users"}

    @property
    def rejected_topic(self) -> str:
        """The dead letter topic, of this application."""
        return f"{self.group_id}-rejected"

    def variables(self) -> dict[str, str]:
        """Return the task as environment variables."""
        return {PREFIX + name.upper(): str(value) for name, value in asdict(self).items()}

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> "Task":
        """Read the task from environment variables.

        Raises:
            KeyError: a variable is missing.
        """
        given = {field.name: environment[PREFIX + field.name.upper()] for field in fields(cls)}
        return cls(**{**given, "frames": int(given["frames"])})  # type: ignore[arg-type]


def report(frames: int, first_at_s: float, last_at_s: float) -> None:
    """Print how many frames a side has read, and when.

    Args:
        first_at_s: when the first one came, by `time.monotonic`, which all processes of a machine share.
        last_at_s: when the last one was counted.
    """
    started_s = float(os.environ.get(STARTED, monotonic()))
    times = {"first_frame_s": first_at_s - started_s, "last_frame_s": last_at_s - started_s}
    print(json.dumps({"frames": frames, **times}), flush=True)
