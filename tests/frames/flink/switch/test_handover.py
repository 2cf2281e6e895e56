"""A group handed over on a real broker; a producer with Flink's transactional ids publishes in the place of a job."""

import signal
from collections.abc import Sequence
from functools import partial

import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient, NewPartitions

from metrics.frames.flink import progress
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.handover import HandedOver, Returned, bring_back, hand_over
from metrics.frames.sizes import MINUTE, SECOND, Size
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import offset_ranges
from metrics.time.moments import rfc3339
from metrics.wording.errors import FencedError, SettingsError, StateError
from tests.frames.flink.jobs import create_topic
from tests.frames.job.test_resuming import remove_frames_before
from tests.kafka.application import LIVE, TIMEOUT_S, Application, frame, wait_until

pytestmark = pytest.mark.slow

T = 1468244340
ROLES = {SECOND: "seconds", MINUTE: "minutes"}
PARTITIONS = 2
WHY = ("reason", "detail", "partition", "ts", "event_time")
HANDED_OVER = "is handed over to Flink"


def settings_of(application: Application) -> FlinkSettings:
    return FlinkSettings.load(application.environment())


def handed_over(application: Application, *, until_end: bool = False) -> HandedOver:
    return hand_over(settings_of(application), lambda _: None, until_end=until_end)


def brought_back(application: Application) -> Returned:
    return bring_back(settings_of(application), lambda _: None)


def frames(partition: int) -> list[bytes]:
    """Return 300 seconds: in disorder, a gap, a frame late for its minute, one late for its second, one no frame."""
    found = [frame(T + after_s - after_s % 3, f"u{after_s % 17}-{partition}") for after_s in range(300)]
    del found[170:210]
    for place, odd in ((90, b"no frame"), (150, frame(T + 10, "late")), (150, frame(T + 130, "late in minute"))):
        found.insert(place, odd)
    return found


def send(application: Application, start: int, end: int) -> None:
    for partition in range(PARTITIONS):
        application.send(frames(partition)[start:end], partition, timestamp=LIVE)


@pytest.fixture(scope="module")
def whole(bootstrap_servers: str) -> Application:
    """Give an application that has counted everything without a switch."""
    application = Application(bootstrap_servers)
    application.create_topics(PARTITIONS)
    send(application, 0, 300)
    application.run("--until-end")
    return application


@pytest.fixture
def stopped(application: Application) -> Application:
    """Give an application that has counted 100 frames of each partition, and was stopped."""
    application.variables["IDLE_S"] = "100"
    application.create_topics(PARTITIONS)
    send(application, 0, 100)
    process = application.start()
    wait_until(lambda: all(application.position(number) == 100 for number in range(PARTITIONS)), "all is read")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    return application


def written(messages: Sequence[Message]) -> list[tuple[bytes | None, bytes | None, tuple[int, int]]]:
    return [(message.key(), message.value(), message.timestamp()) for message in messages]


def dead_letters(application: Application, names: Sequence[str]) -> list[tuple[str | bytes | None, ...]]:
    """Return the bytes of dead letters, with some of their headers."""
    headers = [(message.value() or b"", dict(message.headers() or [])) for message in application.read("rejected")]
    return sorted((value, *(of.get(name, b"") for name in names)) for value, of in headers)


def publishing(
    application: Application, size: Size, messages: Sequence[Message], number: int = 0, to: str = ""
) -> Producer:
    """Open a transaction as Flink does, and publish what an application without a switch has.

    Args:
        to: the topic; by default, that of the application.
    """
    producer = Producer(
        {
            "bootstrap.servers": application.bootstrap_servers,
            "transactional.id": settings_of(application).transactional_id(size, number),
        }
    )
    producer.init_transactions(TIMEOUT_S)
    producer.begin_transaction()
    for message in messages:
        producer.produce(
            to or application.topic(ROLES[size]), message.value(), message.key(), timestamp=message.timestamp()[1]
        )
    assert producer.flush(TIMEOUT_S) == 0
    return producer


def publish(application: Application, whole: Application, through: int) -> None:
    """Publish the windows that end at or before a second after T, and that the application has not published."""
    for size, role in ROLES.items():
        begun, every = len(application.read(role)), whole.read(role)
        left = [message for message in every[begun:] if message.timestamp()[1] // 1000 + size.size_s <= T + through]
        publishing(application, size, left).commit_transaction(TIMEOUT_S)


def check_equal(application: Application, whole: Application, names: Sequence[str] = (*WHY, "offset")) -> None:
    for role in ROLES.values():
        assert written(application.read(role)) == written(whole.read(role))
    assert dead_letters(application, names) == dead_letters(whole, names)


def test_there_and_back_all_topics_are_those_of_an_application_that_never_stopped(
    stopped: Application, whole: Application
) -> None:
    begin = handed_over(stopped).begin
    assert begin.offsets == {0: 60, 1: 60}  # the first frame of the open minute
    assert {number: at - T for number, at in begin.newest.items()} == {0: 57, 1: 57}
    assert (begin.series[1].closed_through - T, begin.series[60].last - T, begin.ends) == (91, 0, {})
    for arguments in ((), ("--standby",), ("--take-over",), ("--accept-loss",)):
        assert HANDED_OVER in stopped.run(*arguments, exit_code=7)
    assert HANDED_OVER in stopped.run("reset-offsets", "--to", "earliest", "--execute", exit_code=7)
    assert HANDED_OVER in stopped.run("verify", exit_code=7)
    assert stopped.status()["instance"]["activity"] == "on_flink"
    assert "in use, nothing was deleted" in stopped.run(
        "topics", "delete", stopped.topic("frames"), "--yes", exit_code=5
    )

    send(stopped, 100, 250)
    publish(stopped, whole, 220)
    assert brought_back(stopped) == Returned(missing=0, dead_letters=2)
    assert stopped.status()["instance"]["activity"] == "stopped"
    send(stopped, 250, 300)
    stopped.run("--until-end")
    check_equal(stopped, whole)
    assert stopped.answer("verify", "--json")["verdict"] == "agrees"


def test_a_group_can_be_handed_over_again_without_flinks_own_state(stopped: Application, whole: Application) -> None:
    handed_over(stopped)
    send(stopped, 100, 200)
    publish(stopped, whole, 160)
    begin = handed_over(stopped, until_end=True).begin
    assert (begin.series[1].closed_through - T, begin.series[60].closed_through - T) == (160, 160)
    assert begin.ends == {0: 200, 1: 200}
    assert HANDED_OVER in stopped.run(exit_code=7)
    assert brought_back(stopped) == Returned(0, 0)
    send(stopped, 200, 300)
    stopped.run("--until-end")
    check_equal(stopped, whole)


def test_transactions_that_a_killed_job_left_open_are_aborted_and_their_windows_published(
    stopped: Application, whole: Application
) -> None:
    """The seconds of a checkpoint are committed; its minutes are not, nor are the seconds since."""
    handed_over(stopped)
    send(stopped, 100, 250)
    seconds, minutes = ((role, len(stopped.read(role)), whole.read(role)) for role in ROLES.values())
    publishing(stopped, SECOND, seconds[2][seconds[1] : 148]).commit_transaction(TIMEOUT_S)
    left_open = [
        publishing(stopped, SECOND, seconds[2][148:170], number=1),
        publishing(stopped, MINUTE, minutes[2][minutes[1] : 2]),
    ]
    assert brought_back(stopped) == Returned(missing=1, dead_letters=2)
    for producer in left_open:
        with pytest.raises(Exception, match="fenced"):
            producer.commit_transaction(TIMEOUT_S)
    send(stopped, 250, 300)
    stopped.run("--until-end")
    check_equal(stopped, whole)


def test_an_application_that_was_killed_is_handed_over_as_of_its_last_commit(
    application: Application, whole: Application
) -> None:
    application.create_topics(PARTITIONS)
    send(application, 0, 100)
    process = application.start()
    wait_until(lambda: application.committed_windows("seconds") > 0, "windows are published")
    with pytest.raises(FencedError, match="is active; nothing was changed"):
        handed_over(application)
    process.kill()
    process.communicate()
    handed_over(application)
    send(application, 100, 300)
    publish(application, whole, 169)
    brought_back(application)
    application.run("--until-end")
    check_equal(application, whole)


def test_a_group_does_not_come_back_over_records_that_the_application_would_not_have_published(
    stopped: Application, whole: Application
) -> None:
    handed_over(stopped)
    send(stopped, 100, 200)
    every = whole.read("seconds")
    publishing(stopped, SECOND, every[len(stopped.read("seconds")) + 1 : 148]).commit_transaction(TIMEOUT_S)
    with pytest.raises(StateError, match="Flink has published a second that the application would not have published"):
        brought_back(stopped)
    assert HANDED_OVER in stopped.run(exit_code=7)


def test_a_group_does_not_come_back_if_frames_since_the_handover_are_gone(stopped: Application) -> None:
    handed_over(stopped)
    send(stopped, 100, 200)
    remove_frames_before(stopped, 150)
    with pytest.raises(StateError, match="frames since the handover to Flink are gone") as refused:
        brought_back(stopped)
    assert "100 to 150 were never read" in refused.value.why


def test_only_a_group_that_is_handed_over_comes_back_and_frames_that_are_republished_keep_it(
    application: Application,
) -> None:
    application.create_topics()
    with pytest.raises(StateError, match="is not handed over to Flink"):
        brought_back(application)
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    with pytest.raises(SettingsError, match="Flink republishes no frames"):
        handed_over(application)


def test_a_group_that_never_ran_begins_on_flink_and_comes_back(application: Application, whole: Application) -> None:
    application.create_topics(PARTITIONS)
    send(application, 0, 300)
    begin = handed_over(application).begin
    assert (begin.offsets, begin.newest) == ({0: 0, 1: 0}, {0: -1, 1: -1})
    publish(application, whole, 148)
    brought_back(application)
    application.run("--until-end")
    check_equal(application, whole)


def read_through(application: Application, position: int, *, is_of_group: bool) -> None:
    """Commit a position in each partition, as a job does with a checkpoint."""
    settings = settings_of(application)
    group = settings.progress_group(is_of_group=is_of_group)
    progress.note_end(settings, group, dict.fromkeys(range(PARTITIONS), position))


def test_a_group_on_flink_is_recounted_since_its_handover(stopped: Application, whole: Application) -> None:
    handed_over(stopped)
    send(stopped, 100, 250)
    publish(stopped, whole, 280)  # the newest of these frames are at T + 285
    read_through(stopped, 250, is_of_group=True)
    found = stopped.answer("flink", "verify", "--recount", "--json")
    assert (found["verdict"], found["from"]) == ("agrees", rfc3339(T + 60))
    assert found["compared"] == {"seconds": 280 - 91, "minutes": 3}  # the first minute was open

    publishing(stopped, SECOND, stopped.read("seconds")[-1:]).commit_transaction(TIMEOUT_S)
    assert stopped.answer("flink", "verify", "--recount", "--json", exit_code=1)["counts"] == {"doubled": 1}


def positions(application: Application) -> list[int | None]:
    return [at["position"] for at in application.answer("flink", "status", "--json")["partitions"]]


def test_a_job_in_topics_of_its_own_is_recounted_as_before_a_group_went_to_flink_and_came_back(
    stopped: Application, whole: Application
) -> None:
    settings = settings_of(stopped)
    for size, role in ROLES.items():
        create_topic(settings, settings.flink_topic(size))
        publishing(stopped, size, stopped.read(role), to=settings.flink_topic(size)).commit_transaction(TIMEOUT_S)
    read_through(stopped, 100, is_of_group=False)
    before = stopped.answer("flink", "verify", "--recount", "--json")
    assert before["compared"] == {"seconds": 91, "minutes": 1}

    handed_over(stopped)
    assert positions(stopped) == [None, None]
    assert "is handed over" in stopped.run("flink", "verify")
    send(stopped, 100, 250)
    publish(stopped, whole, 220)
    read_through(stopped, 250, is_of_group=True)
    assert positions(stopped) == [250, 250]
    brought_back(stopped)
    assert positions(stopped) == [100, 100]
    assert stopped.answer("flink", "verify", "--recount", "--json")["compared"] == before["compared"]


def test_a_group_whose_offsets_have_expired_is_not_called_the_applications(stopped: Application) -> None:
    handed_over(stopped)
    admin = AdminClient({"bootstrap.servers": stopped.bootstrap_servers})
    admin.delete_consumer_groups([stopped.name])[stopped.name].result(TIMEOUT_S)  # the broker does it after a week
    said = stopped.run("flink", "stop", "--to-group", exit_code=7)
    assert "it has no state: it never ran, or the broker expired its offsets (offsets.retention.minutes)" in said
    assert "let Flink's job run on" in said
    assert "its offsets expired (offsets.retention.minutes)" in stopped.run(exit_code=7)
    with pytest.raises(StateError, match="data that this run needs is gone"):
        handed_over(stopped)


def add_partition(application: Application) -> None:
    topic = application.topic("frames")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.create_partitions([NewPartitions(topic, PARTITIONS + 1)])[topic].result(TIMEOUT_S)
    found = partial(offset_ranges, open_admin(settings_of(application)), topic, PARTITIONS + 1)
    wait_until(lambda: len(found()) == PARTITIONS + 1, "its leader answers")


def test_a_partition_that_is_added_while_flink_counts_comes_back_with_the_group(
    stopped: Application, whole: Application
) -> None:
    handed_over(stopped)
    add_partition(stopped)
    send(stopped, 100, 250)
    publish(stopped, whole, 220)
    assert brought_back(stopped) == Returned(missing=0, dead_letters=2)
    send(stopped, 250, 300)
    stopped.send([frame(T + 290, "in the new one")], PARTITIONS, timestamp=LIVE)
    stopped.run("--until-end")
    assert stopped.position(PARTITIONS) == 1
    assert stopped.answer("verify", "--json")["verdict"] == "agrees"


def test_a_group_does_not_come_back_if_flink_has_not_counted_frames_of_an_added_partition(
    stopped: Application, whole: Application
) -> None:
    handed_over(stopped)
    add_partition(stopped)
    stopped.send([frame(T + 120, "missed")], PARTITIONS, timestamp=LIVE)
    send(stopped, 100, 250)
    publish(stopped, whole, 220)
    with pytest.raises(StateError, match="Flink has published a second that the application would not") as refused:
        brought_back(stopped)
    assert "flink run --from-group --restore PATH" in refused.value.hint
    assert HANDED_OVER in stopped.run(exit_code=7)
