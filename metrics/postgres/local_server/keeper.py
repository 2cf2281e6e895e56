"""Runs PostgreSQL in the background until no command uses it.

Run as a script, `python keeper.py USERS SERVER COMMAND…`: the path of the file that each command has locked, shared,
and the descriptor of the file whose lock all processes of the server inherit. It returns at once and continues in the
background. The signal that ended the server is printed, since nothing else would report it.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading

ENDED_BY = "ended by the signal "
STOP_TIMEOUT_S = 30.0

_PR_SET_PDEATHSIG = 1


def keep(users: str, server: int, command: list[str]) -> None:
    """Run the server until it ends; on SIGINT, it disconnects its clients and stops."""
    keeper, users_file = os.getpid(), os.open(users, os.O_RDWR)

    def stop_with_keeper() -> None:
        # Only Linux can: elsewhere, a server whose keeper was killed has to be stopped by hand. The default action of
        # the signal ends a process that is not PostgreSQL yet.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != keeper:
            os._exit(1)

    with subprocess.Popen(  # noqa: S603  # the command line of a command of this program
        command,
        stdin=subprocess.DEVNULL,
        pass_fds=[server],
        preexec_fn=stop_with_keeper,  # noqa: PLW1509  # no threads
    ) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGINT))
        threading.Thread(target=_stop_when_unused, args=(users_file, child), daemon=True).start()
        code = child.wait()
    if code < 0:
        print(ENDED_BY + signal.Signals(-code).name, flush=True)


def _stop_when_unused(users: int, child: subprocess.Popen[bytes]) -> None:
    """Wait until no process has locked the file, then lock it until this process ends, so that new ones wait.

    A server that was recovering from the crash of a session has been seen to wait forever after SIGINT (18.4). SIGQUIT
    ends it without a checkpoint, so the next start recovers.
    """
    fcntl.flock(users, fcntl.LOCK_EX)
    child.send_signal(signal.SIGINT)
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGQUIT)


if __name__ == "__main__" and os.fork() == 0:
    keep(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
