"""What a side is told, by environment variables, and what it tells, by one JSON line on standard output.

Sides run in environments of their own: this module needs nothing but the standard library.
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
    """What a side has to do: count the frames of a topic, as many as there are, and end.

    Attributes:
        bootstrap_servers: the broker, `host:port`.
        input_topic: one partition of frames.
        seconds_topic: takes `{"timestamp": start, "num_of_frames": n}` a second.
        minutes_topic: takes `{"timestamp": start, "unique_users": n}` a minute.
        copy_topic: takes the frames themselves, from a side that republishes.
        group_id: consumer group, new in each run.
        frames: how many the input topic holds.
        folder: an empty one, for what a side keeps on disk.
    """

    bootstrap_servers: str
    input_topic: str
    seconds_topic: str
    minutes_topic: str
    copy_topic: str
    group_id: str
    frames: int
    folder: str

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
        first_at_s: when it had the first one, by `time.monotonic`, which is one clock for all processes of a machine.
        last_at_s: when it was done with the last one.
    """
    started_s = float(os.environ.get(STARTED, monotonic()))
    times = {"first_frame_s": first_at_s - started_s, "last_frame_s": last_at_s - started_s}
    print(json.dumps({"frames": frames, **times}), flush=True)
