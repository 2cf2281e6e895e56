"""Processes, of this machine or others: whether the one that committed a state may still be running.

Only Linux provides enough information: elsewhere no process is ever known to be gone.
"""

import os
import re
import socket
from pathlib import Path

import msgspec

_PROC = Path("/proc")
_CONTAINER = re.compile("[0-9a-f]{64}")
_ENDED = frozenset("ZX")
# Fields of /proc/PID/stat after the command, which may contain anything and ends at the last bracket: proc_pid_stat(5).
_STATE, _STARTED = 0, 19


class Process(msgspec.Struct, array_like=True, frozen=True):
    """A process, identified uniquely: process ids are reused, and each container has a process 1.

    Attributes:
        host: human-readable name of its machine or container.
        pid: its id, in its own PID namespace.
        boot: random id of the kernel's boot; empty if unknown.
        namespace: inode of its PID namespace, unique among those that exist at one time on one kernel.
        container: identifies its container, also after the container restarts; empty outside of one.
        started: its start, in clock ticks since the boot.
    """

    host: str
    pid: int
    boot: str = ""
    namespace: int = 0
    container: str = ""
    started: int = 0

    def is_gone(self) -> bool:
        """Return whether it has certainly ended; if that cannot be determined here, it may still run."""
        return self.is_gone_for(this_process())

    def is_gone_for(self, here: "Process") -> bool:
        """Return whether it has certainly ended, as far as the process `here` can determine."""
        if not self.boot or self.boot != here.boot:
            return False
        if self.namespace != here.namespace:
            # All processes of a container end with it, and a restart gives it a new namespace.
            return bool(self.container) and self.container == here.container
        return _has_ended(self.pid, self.started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_process() -> Process:
    """Return this process."""
    host, pid = socket.gethostname(), os.getpid()
    try:
        if (_PROC / "self").readlink() != Path(str(pid)):
            return Process(host, pid)  # /proc is that of another PID namespace
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = (_PROC / "self/ns/pid").stat().st_ino
        container = container_of((_PROC / "self/mountinfo").read_text())
        return Process(host, pid, boot, namespace, container, int(_stat(pid)[_STARTED]))
    except OSError:
        return Process(host, pid)


def container_of(mountinfo: str) -> str:
    """Return the id of this container, or of its pod: engines mount a file whose path contains it as /etc/hostname.

    The host name is not enough: containers may share one, or have that of their machine.
    """
    for line in mountinfo.splitlines():
        _, _, _, root, mounted_at, *_ = line.split(" ")
        if mounted_at == "/etc/hostname" and (found := _CONTAINER.search(root)):
            return found.group()[:16]
    return ""


def _has_ended(pid: int, started: int) -> bool:
    try:
        os.kill(pid, 0)  # processes of other users may be hidden in /proc
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    try:
        fields = _stat(pid)
    except OSError:
        return False
    return fields[_STATE] in _ENDED or int(fields[_STARTED]) != started


def _stat(pid: int) -> list[str]:
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
