"""Whether a process can still be running: real ones, ended in several ways, and of other PID namespaces."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from metrics.kafka.job.process import Process, container_of, this_process
from tests.kafka.application import PROJECT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells enough of a process")

# Tells which process it is, and lives on until its standard input is closed.
CHILD = """
import sys, msgspec
from metrics.kafka.job.process import this_process
print(msgspec.json.encode(this_process()).decode(), flush=True)
sys.stdin.read()
"""
IN_ITS_OWN_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@contextmanager
def child(*before: str) -> Iterator[tuple[subprocess.Popen[str], Process]]:
    """Give a process that runs, and what it says it is."""
    with subprocess.Popen(
        [*before, sys.executable, "-c", CHILD], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            pytest.skip("this user may not make a PID namespace")
        yield process, msgspec.json.decode(line, type=Process)
        process.kill()


def test_a_process_that_runs_is_not_gone() -> None:
    assert not this_process().is_gone()
    with child() as (process, reported):
        assert (reported.pid, reported.host) == (process.pid, this_process().host)
        assert str(reported) == f"process {process.pid} on {reported.host}"
        assert not reported.is_gone()


def test_a_process_that_was_killed_is_gone_even_before_its_parent_has_heard() -> None:
    with child() as (process, reported):
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie
        assert reported.is_gone()
        process.wait()
        assert reported.is_gone()


def test_another_process_with_its_id_is_not_taken_for_it() -> None:
    ours = this_process()
    assert msgspec.structs.replace(ours, started=ours.started - 1).is_gone()


def test_a_process_before_a_reboot_or_on_another_machine_may_run() -> None:
    ours = this_process()
    elsewhere = msgspec.structs.replace(ours, boot="0d6b0b8e-6f0c-4c1d-9b7f-2f9a6c0d4e11", started=1)
    assert not elsewhere.is_gone()


def test_a_process_of_a_system_without_proc_may_run() -> None:
    assert not Process("a-mac", 4711).is_gone()


def test_a_process_of_another_pid_namespace_may_run_whatever_has_its_id_here() -> None:
    with child(*IN_ITS_OWN_NAMESPACE) as (process, reported):
        assert reported.pid == 1
        assert reported.boot == this_process().boot
        assert not reported.is_gone()
        process.kill()
        process.wait()
        assert not reported.is_gone(), "where it has ended, too, that is not seen from here"


def test_within_its_own_pid_namespace_it_is_seen_to_run_and_to_be_gone() -> None:
    look = (
        "import subprocess, sys, msgspec; from metrics.kafka.job.process import Process\n"
        f"child = subprocess.Popen([sys.executable, '-c', {CHILD!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "reported = msgspec.json.decode(child.stdout.readline(), type=Process)\n"
        "print(reported.pid, reported.is_gone()); child.kill(); child.wait(); print(reported.is_gone())"
    )
    command = [*IN_ITS_OWN_NAMESPACE, sys.executable, "-c", look]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip("this user may not make a PID namespace")
    assert ended.stdout.split() == ["2", "False", "True"]


def test_a_container_that_was_restarted_has_ended_all_its_processes() -> None:
    """It keeps its id, and gets another PID namespace; a container beside it has another id."""
    before = msgspec.structs.replace(this_process(), namespace=1, container="0123456789abcdef")
    restarted = msgspec.structs.replace(this_process(), container="0123456789abcdef")
    beside = msgspec.structs.replace(this_process(), container="fedcba9876543210")
    assert before.is_gone_for(restarted)
    assert not before.is_gone_for(beside)
    assert not msgspec.structs.replace(before, container="").is_gone_for(msgspec.structs.replace(beside, container=""))


ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "root",
    [
        f"/var/lib/docker/containers/{ID}/hostname",
        f"/containers/storage/overlay-containers/{ID}/userdata/hostname",
        f"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname",
    ],
)
def test_a_container_is_known_by_what_its_engine_mounted(root: str) -> None:
    mounts = (
        "612 611 0:52 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB\n"
        f"631 612 254:1 {root} /etc/hostname rw,relatime - ext4 /dev/vda1 rw\n"
    )
    assert container_of(mounts) == ID[:16]


def test_a_mounted_file_of_the_machine_names_no_container() -> None:
    assert container_of("631 612 254:1 /etc/hostname /etc/hostname ro,relatime - ext4 /dev/vda1 rw\n") == ""
    assert container_of("612 611 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n") == ""
