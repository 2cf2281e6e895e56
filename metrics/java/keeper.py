"""Runs a command, and stops it when the parent process closes this one's standard input or dies.

However a process dies, the system closes its end of a pipe; so no broker outlives its owner, even one that was killed.
Run as a script, `python keeper.py GRACE_S COMMAND…`; its exit code is the command's. The signal that ended a command
is printed on standard output, since nothing else would report it.
"""

import os
import signal
import subprocess
import sys
import threading

ENDED_BY = "ended by the signal "


def keep(grace_s: float, command: list[str]) -> int:
    """Run a command until it ends or the owner is gone; then it has `grace_s` seconds to stop by itself."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  # the owner's own command line
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=_end_with_owner, args=(child, grace_s), daemon=True).start()
    code = child.wait()
    if code < 0:
        print(ENDED_BY + signal.Signals(-code).name, flush=True)
        return 128 - code
    return code


def _end_with_owner(child: subprocess.Popen[bytes], grace_s: float) -> None:
    while os.read(0, 4096):  # a buffer would be locked by this thread, and Python aborts at an end that finds it so
        pass
    child.terminate()
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(keep(float(sys.argv[1]), sys.argv[2:]))
