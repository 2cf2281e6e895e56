"""Starts of a job on a real Flink: of two at the same moment one goes on, and no task is without a partition."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from metrics.frames.flink import jobs, local_cluster, script
from metrics.frames.flink.gateway import session
from metrics.frames.flink.topics import prepare
from metrics.kafka.clients import open_admin
from metrics.time.deadline import Deadline
from metrics.wording.errors import FencedError
from tests.frames.flink import inputs
from tests.frames.flink.cluster import ENDED, Cluster
from tests.frames.flink.inputs import GAP_LIMIT_S
from tests.frames.flink.jobs import settings_of
from tests.frames.flink.records import TIMEOUT_S, eventually, run, written
from tests.kafka.application import LIVE, Application, frame

pytestmark = [pytest.mark.broker, pytest.mark.flink, pytest.mark.slow]

START = 1_600_000_020  # a full minute
BLOCKING = (
    "CREATE TEMPORARY TABLE numbers (number BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10')",
    "CREATE TEMPORARY TABLE nowhere (number BIGINT) WITH ('connector' = 'blackhole')",
    "INSERT INTO nowhere SELECT COUNT(*) FROM numbers",
)


def started(flink: Cluster, name: str, statements: Sequence[str], together: Barrier) -> str | FencedError:
    """Start a job when all are ready to."""
    with session(flink.url) as gateway:
        before = jobs.require_none_running(gateway, name)
        together.wait(TIMEOUT_S)
        try:
            return jobs.start(gateway, name, statements, before)
        except FencedError as refused:
            return refused


def test_of_two_jobs_that_start_at_the_same_moment_the_first_goes_on(application: Application, flink: Cluster) -> None:
    application.create_topics()
    settings = settings_of(application)
    prepare(open_admin(settings), settings)
    name, statements, together = settings.flink_name, script.statements(settings), Barrier(2)
    earlier: set[str] = set()
    for _ in range(2):  # the second time, the name is that of a job that has ended
        with ThreadPoolExecutor(2) as both:
            found = list(both.map(lambda _: started(flink, name, statements, together), range(2)))
        [job_id] = [each for each in found if isinstance(each, str)]
        [refused] = [each for each in found if isinstance(each, FencedError)]
        assert refused.what == f"the job {name} runs already"
        assert job_id in refused.why
        assert job_id not in earlier
        running = [each for each, state in flink.states().items() if state not in {*ENDED, "CANCELLING"}]
        assert running == [job_id]
        earlier.add(job_id)
        flink.make_ready()


def test_with_more_tasks_than_partitions_all_windows_are_published(application: Application, flink: Cluster) -> None:
    application.create_topics(2)
    application.variables["FLINK_URL"] = flink.url
    for number in range(2):
        application.send([frame(START + nth, "a") for nth in range(10)], number, timestamp=LIVE)
    _, remarks = application.start("flink", "run", "--parallelism", "3").communicate(timeout=TIMEOUT_S)
    assert "2 tasks instead of 3: the topic" in " ".join(remarks.split())
    eventually(lambda: len(application.read("seconds-flink")) == 4, "windows are published")


def test_a_job_that_counts_and_one_for_dead_letters_of_four_tasks_each_run_side_by_side(
    application: Application, flink: Cluster
) -> None:
    application.create_topics(inputs.PARTITIONS)
    application.variables["FLINK_URL"] = flink.url
    for number in range(inputs.PARTITIONS):
        frames = [frame(START + nth, "a") for nth in range(10)]
        application.send([*frames, b"invalid"], number, timestamp=LIVE)
    run(application, "flink", "run", "--parallelism", "4")
    output, remarks = application.start("flink", "run", "--rejected", "--parallelism", "99").communicate(
        timeout=TIMEOUT_S
    )
    assert "4 tasks instead of 99: the topic" in " ".join(remarks.split())
    assert "with 4 tasks" in " ".join(output.split())
    eventually(lambda: len(application.read("seconds-flink")) == 4, "windows are published")
    eventually(lambda: len(application.read("rejected-flink")) == 4, "dead letters are published")


def test_a_second_group_does_not_write_into_the_topics_of_the_first(application: Application, flink: Cluster) -> None:
    application.variables["LOCAL_FLINK_DIR"] = str(flink.folder)
    application.create_topics()
    application.start("flink", "run")
    eventually(lambda: "RUNNING" in flink.states().values(), "the first job runs")
    before = flink.states()
    application.variables["CONSUMER_GROUP_ID"] = f"{application.name}-other"
    said = " ".join(application.run("flink", "run", exit_code=8).split())
    topics = f"{application.topic('seconds-flink')}, {application.topic('minutes-flink')}"
    assert f"the job {application.name}-flink writes into the same topics: {topics}" in said
    assert "FLINK_TOPIC_SUFFIX=-flink2" in said
    assert flink.states() == before


def test_a_job_that_finds_too_few_free_slots_is_refused(application: Application, flink: Cluster) -> None:
    application.variables["LOCAL_FLINK_DIR"] = str(flink.folder)
    application.create_topics(3)
    job_id = flink.run("SET 'pipeline.name' = 'blocker'", "SET 'parallelism.default' = '6'", *BLOCKING)
    eventually(lambda: len(flink.workers(job_id or "") - {""}) == 2, "it has its slots")
    before = flink.states()
    said = " ".join(application.run("flink", "run", "--parallelism", "3", exit_code=12).split())
    assert f"2 free slots for 3 tasks why: 6 of its 8 are taken by blocker (job {job_id})" in said
    assert "stop a job first, or take fewer tasks: --parallelism 2" in said
    assert flink.states() == before


def test_a_group_whose_name_has_a_quote_is_counted(application: Application, flink: Cluster) -> None:
    application.variables |= {"FLINK_URL": flink.url, "CONSUMER_GROUP_ID": f"o'brien's {application.name}"}
    application.create_topics()
    application.send([b"invalid", *(frame(START + nth, "a") for nth in range(10))], timestamp=LIVE)
    run(application, "flink", "run", "--until-end")
    run(application, "flink", "run", "--rejected", "--until-end")
    assert len(application.read("seconds-flink")) == 10
    assert len(application.read("rejected-flink")) == 1
    found = application.answer("flink", "status", "--json")
    assert (found["job"]["status"], found["rejected_job"]["status"]) == ("FINISHED", "FINISHED")


@pytest.mark.long
def test_a_job_that_restarts_while_it_is_awaited_says_so(application: Application, flink: Cluster) -> None:
    application.create_topics()
    application.variables["FLINK_URL"] = flink.url
    application.send([frame(START + nth // 100, "a") for nth in range(50_000)], timestamp=LIVE)
    awaiting = application.start("flink", "run", "--until-end")
    waiting = Deadline(TIMEOUT_S)
    [job_id] = waiting.poll(lambda: [each for each, state in flink.states().items() if state not in ENDED], until=bool)
    [worker] = waiting.poll(lambda: flink.workers(job_id) & flink.task_managers().keys(), until=bool)
    flink.kill(worker)
    _, errors = awaiting.communicate(timeout=TIMEOUT_S)
    assert awaiting.returncode == 0, errors
    assert (
        f"warning: the job {job_id} restarts from its newest checkpoint, if it has one: Flink's logs have the" in errors
    )
    assert local_cluster.failure(flink.folder, job_id).startswith("org.apache.flink.")
    assert len(application.read("seconds-flink")) == 500


def test_of_two_who_hand_a_group_over_at_the_same_moment_one_goes_on_and_no_window_is_published_twice(
    application: Application, flink: Cluster
) -> None:
    undisturbed = Application(application.bootstrap_servers)
    for each in (application, undisturbed):
        each.variables |= {"FLINK_URL": flink.url, "GAP_LIMIT_S": f"{GAP_LIMIT_S}"}
        each.create_topics(inputs.PARTITIONS)
        inputs.send(each, inputs.mixed())
    run(undisturbed, "--until-end")
    both = [application.start("flink", "run", "--from-group") for _ in range(2)]
    said = [process.communicate(timeout=TIMEOUT_S) for process in both]
    assert sorted(process.returncode for process in both) == [0, 8], said
    eventually(lambda: bool(application.read("minutes")), "Flink publishes")
    run(application, "flink", "stop", "--to-group")
    run(application, "--until-end")
    assert written(application) == written(undisturbed)
