"""The health check of a container: `python -m metrics.kafka.health` ends with exit code 0 where all is well.

Healthy is: the broker answers and has the input topic, and the loop turns. A loop that hangs keeps its process, but its
main thread is never scheduled again; so this asks Linux whether it was.
"""

import sys
import time
from pathlib import Path

from metrics import settings as environment
from metrics.errors import MetricsError
from metrics.kafka import topics
from metrics.kafka.clients import open_admin

LOOK_S = 2.0


def main() -> None:
    """Look once, and exit with 0 or with what is wrong."""
    try:
        settings = environment.load()
        if settings.input_topic not in topics.partition_counts(open_admin(settings)):
            sys.exit(f"unhealthy: the topic {settings.input_topic} is missing")
        if not _is_turning():
            sys.exit("unhealthy: the loop stands still")
    except MetricsError as error:
        sys.exit(f"unhealthy: {error}")


def _is_turning() -> bool:
    """Tell whether the application's main thread was scheduled within LOOK_S seconds."""
    # Found by its command, since an init may stand before it.
    commands = Path("/proc").glob("[0-9]*/cmdline")
    found = [int(path.parent.name) for path in commands if path.read_bytes().startswith(b"python\0app.py\0")]
    if not found:
        return False
    status = Path(f"/proc/{min(found)}/status")
    before = _switches(status)
    time.sleep(LOOK_S)
    return _switches(status) != before


def _switches(status: Path) -> list[str]:
    return [line for line in status.read_text().splitlines() if "ctxt_switches" in line]


if __name__ == "__main__":
    main()
