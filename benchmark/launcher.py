"""Run one command as a process group of its own, and measure its time, processor time and memory.

`python -I -S launcher.py RESULT COMMAND…` is a script of its own for two reasons. A process forked by a large one
starts with that one's memory as its peak, so a small one must fork it. And however the benchmark ends, the system
closes its end of the launcher's standard input: then the launcher kills the command.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

STARTED = "BENCHMARK_STARTED_S"  # as in contract.py, which cannot be imported from here


def launch(command: list[str]) -> dict[str, object]:
    """Run a command to its end; it and its children are killed when standard input is closed.

    Returns:
        `seconds` from start to end, `cpu_s` (user and system, children included), `peak_rss_bytes` (of its largest
        process), `exit_code` (negative: the signal that ended it), `started_s` (time.monotonic).
    """
    started_s = time.monotonic()
    process = subprocess.Popen(  # noqa: S603  # the benchmark's own command line
        command, env={**os.environ, STARTED: repr(started_s)}, stdin=subprocess.DEVNULL, start_new_session=True
    )
    threading.Thread(target=_end_with_owner, args=(process.pid,), daemon=True).start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started_s
    process.returncode = os.waitstatus_to_exitcode(status)
    _end(process.pid)  # children that it left running
    return {
        "started_s": started_s,
        "seconds": seconds,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_rss_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "exit_code": process.returncode,
    }


def _end_with_owner(group: int) -> None:
    """Wait until standard input is closed, and end the group."""
    os.read(0, 1)
    _end(group)


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    """Run the command, and write the measurements."""
    result, *command = sys.argv[1:]
    measured = launch(command)
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123  # pathlib would double the size of this process
        json.dump(measured, file)


if __name__ == "__main__":
    main()
