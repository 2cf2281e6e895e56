"""A group set to read from elsewhere, on a real broker: what is published again is the same, nothing counts twice."""

import signal
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from metrics.frames.core.state import JUDGING_VERSION, Rules, State
from metrics.frames.replay_marks import is_mark
from tests.frames.job.test_resuming import remove_frames_before
from tests.kafka.application import LIVE, TIMEOUT_S, Application, finish, frame, wait_until

pytestmark = pytest.mark.slow

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute
RULES = Rules(lateness_s=5, future_limit_s=300, version=JUDGING_VERSION)


def plan(application: Application, to: str, *arguments: str) -> dict[str, Any]:
    return application.answer("reset-offsets", "--to", to, "--json", *arguments)


def state(application: Application) -> State:
    saved = application.saved_state()
    assert saved is not None
    return saved.state


def since(rows: Sequence[tuple[Any, ...]], start: int) -> list[tuple[Any, ...]]:
    """Return the rows from a start on, with the averages that they have if these begin there."""
    left = [row for row in rows if row[0] >= start]
    numbers = [row[1] for row in left]
    averages = [round(sum(numbers[: at + 1]) / (at + 1), 3) for at in range(len(left))]
    return [(*row[:2], average, *row[3:]) for row, average in zip(left, averages, strict=True)]


def compact(application: Application, role: str, variable: str) -> None:
    """Put a copy of a topic in its place that holds only the last record of each key."""
    messages, topic = application.read(role), application.topic(f"{role}-compacted")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1, config={"retention.ms": "-1"})])[topic].result(TIMEOUT_S)
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    last = {message.key(): message.offset() for message in messages}
    for message in messages:
        if last[message.key()] == message.offset():
            producer.produce(topic, message.value(), message.key())
    assert producer.flush(TIMEOUT_S) == 0
    application.variables[variable] = topic


def count_200_seconds(application: Application) -> None:
    """Count 200 seconds in two partitions: in disorder, one frame late for its minute, one no frame."""
    application.create_topics(2)
    for partition in range(2):
        frames = [frame(T + second - second % 3, f"u{second % 17}-{partition}") for second in range(200)]
        frames[120:120] = [b"no frame", frame(T + 10, "late")]
        application.send(frames, partition, timestamp=LIVE)
    application.run("--until-end")


def test_a_reset_to_earliest_publishes_everything_again_and_counts_it_once(application: Application) -> None:
    count_200_seconds(application)
    before, seconds, minutes = state(application), application.seconds(), application.minutes()
    planned = plan(application, "earliest")
    assert (planned["read_again"], planned["skipped"], planned["lost"], planned["is_done"]) == (404, 0, 0, False)
    assert (planned["closed_before"]["timestamp"], planned["closed_through"]) == (T + 240, None)
    assert planned["averages_since"] is None
    assert planned["published_again"]["seconds"]["windows"] == len(seconds)
    assert planned["published_again"]["minutes"]["windows"] == len(minutes) == 4
    assert planned["never_published"] == {"seconds": None, "minutes": None}
    expected = {"seconds": len(seconds), "minutes": 4, "rejected": None}
    assert planned["twice"] == {application.topic(role): records for role, records in expected.items()}
    assert plan(application, "2000-01-01T00:00:00Z") == planned | {"to": "2000-01-01T00:00:00Z"}
    assert state(application) == before

    said = application.run("reset-offsets", "--to", "earliest", "--execute")
    assert "done: the next run continues from there" in said
    numbers = {"seconds": f" (up to {len(seconds)})", "minutes": " (up to 4)", "rejected": ""}
    twice = ", ".join(f"{application.topic(role)}{number}" for role, number in numbers.items())
    assert f"warning: {twice} will contain records twice; verify reports their windows as doubled" in said
    assert "warning: to have each once: delete and recreate these topics before the next run" in said
    application.run("--until-end")  # as after a first run, verify expects each record once
    assert application.answer("verify", "--json", exit_code=1)["counts"] == {"doubled": len(seconds) + 4, "rejected": 4}
    application.run("reset-offsets", "--to", "earliest", "--execute")
    saved = application.saved_state()
    assert saved is not None
    assert (saved.state, saved.instance.is_active) == (State.fresh({0: 0, 1: 0}, RULES), False)
    for role in ("seconds", "minutes", "rejected"):  # so that nothing is there twice
        application.delete_topic(role)
    application.create_topics(2)
    application.run("--until-end")
    assert (application.seconds(), application.minutes()) == (seconds, minutes)
    assert state(application) == before
    assert application.answer("verify", "--json")["verdict"] == "agrees"


def test_a_reset_to_the_middle_publishes_later_windows_again_with_the_same_counts(application: Application) -> None:
    #  frames at 0 3 … 87 90 … 198: back to 90, the rows of 0 at 88 and 89 come again with 90
    count_200_seconds(application)
    before, seconds, minutes = state(application), application.seconds(), application.minutes()
    planned = plan(application, "2016-07-11T13:40:30Z", "--execute")
    assert planned["is_done"]
    assert [planned[name]["timestamp"] - T for name in ("closed_before", "closed_through")] == [240, 90]
    assert planned["averages_since"]["timestamp"] == T + 88
    assert state(application).closing_to == T + 90
    application.run("--until-end")
    again = since(seconds, T + 88)
    windows = planned["published_again"]
    assert (windows["seconds"]["windows"], windows["minutes"]["windows"]) == (len(again), 3)
    ends = [[windows[size][end]["timestamp"] - T for end in ("first", "last")] for size in ("seconds", "minutes")]
    assert ends == [[88, again[-1][0] - T], [60, 180]]
    assert application.seconds() == seconds + again
    assert application.minutes() == minutes + since(minutes, T + 60)
    after = state(application)
    assert [at.position for at in after.partitions.values()] == [at.position for at in before.partitions.values()]
    assert (after.series[1].windows, after.series[1].total) == (len(again), sum(row[1] for row in again))
    reached, stood = after.series[1], before.series[1]
    assert (reached.closed_through, reached.last) == (stood.closed_through, stood.last)

    found = application.answer("verify", "--json", exit_code=1)
    assert found["counts"] == {"doubled": len(again) + 3}
    compact(application, "seconds", "SEC_METRICS_OUTPUT_TOPIC")
    compact(application, "minutes", "MIN_METRICS_OUTPUT_TOPIC")
    found = application.answer("verify", "--json")
    assert (found["verdict"], found["counts"]) == ("agrees", {})
    assert "the group was reset: averages are verified from 2016-07-11T13:40:28Z" in application.run("verify")
    assert application.answer("verify", "--json", "--from", "2016-07-11T13:41:00Z")["verdict"] == "agrees"

    records = application.read("rejected")
    assert sum(map(is_mark, records)) == 1  # the topic has one partition
    dead_letters = [dict(message.headers() or ()) for message in records if not is_mark(message)]
    assert [(at["partition"], at["reason"]) for at in dead_letters].count((b"0", b"late")) == 2  # it was read twice
    admin, topic = AdminClient({"bootstrap.servers": application.bootstrap_servers}), application.topic("forged")
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_S)
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    for headers in dead_letters:
        if (headers["partition"], headers["reason"]) != (b"0", b"late"):
            producer.produce(topic, b"", headers=headers)
    assert producer.flush(TIMEOUT_S) == 0
    application.variables["REJECTED_TOPIC"] = topic
    assert [(at["kind"], at["of"]) for at in application.answer("verify", "--json", exit_code=1)["differences"]] == [
        ("rejected", "late, partition 0")
    ]


def test_after_a_reset_to_latest_open_and_skipped_windows_are_never_published(application: Application) -> None:
    #  a@0 b@10 c@20 | stopped; c is open, and all of the minute | d@70 e@75 skipped | f@119 late  g@130 h@200
    application.create_topics()
    application.send([frame(T + second, "a") for second in (0, 10, 20)], timestamp=LIVE)
    process = application.start()
    wait_until(lambda: application.position(0) == 3, "all is read")
    process.send_signal(signal.SIGINT)
    finish(process)
    seconds = application.seconds()
    application.send([frame(T + second, "a") for second in (70, 75)], timestamp=LIVE)
    planned = plan(application, "latest", "--execute")
    assert (planned["read_again"], planned["skipped"], planned["lost"]) == (0, 2, 1)
    dropped = planned["never_published"]
    assert [dropped["seconds"][end]["timestamp"] - T for end in ("first", "last")] == [11, 119]
    assert [dropped["minutes"][end]["timestamp"] - T for end in ("first", "last")] == [0, 60]
    assert [planned[name]["timestamp"] - T for name in ("closed_before", "closed_through")] == [15, 120]
    assert planned["averages_since"]["timestamp"] == T + 120
    application.send([frame(T + second, "a") for second in (119, 130, 200)], timestamp=LIVE)
    application.run("--until-end")
    assert [(row[0] - T, row[1]) for row in application.seconds()[len(seconds) :] if row[1]] == [(130, 1), (200, 1)]
    assert application.seconds()[len(seconds) :] == since(application.seconds(), T + 120)
    assert application.seconds()[len(seconds)][0] == T + 120
    assert [row[0] - T for row in application.minutes()] == [120, 180]
    tally = state(application).partitions[0].tally
    assert (tally.consumed, tally.counted, tally.late, tally.lost) == (4, 2, 1, 1)
    assert tally.is_conserved()

    # back to 70, in what was skipped: c@20 stays so, the rows of 0 after it and all windows from 70 on are published
    before = {row[0] for row in application.seconds()}
    said = application.run("reset-offsets", "--to", "2016-07-11T13:40:10Z", "--execute")
    assert "averages         and counters will run over the windows since 2016-07-11T13:39:21Z" in said
    application.run("--until-end")
    new = {row[0]: row[1] for row in application.seconds() if row[0] not in before}
    assert sorted(new) == list(range(T + 21, T + 120))
    assert {start - T: frames for start, frames in new.items() if frames} == {70: 1, 75: 1, 119: 1}
    assert [row[0] - T for row in application.minutes() if row[0] - T < 120] == [60]


def test_an_active_instance_prevents_a_reset_and_one_that_hung_exits_when_it_comes_back(
    application: Application,
) -> None:
    application.create_topics()
    application.send([frame(T + second, "a") for second in range(30)], timestamp=LIVE)
    process = application.start()
    wait_until(lambda: application.position(0) == 30, "all is read")
    refused = application.run("reset-offsets", "--to", "earliest", "--execute", exit_code=8)
    assert f"of the group {application.name} is active; nothing was changed" in refused
    assert "is active: --execute is refused" in application.run("reset-offsets", "--to", "earliest")
    assert state(application).partitions[0].position == 30

    process.send_signal(signal.SIGSTOP)
    assert "did not stop cleanly" in application.run("reset-offsets", "--to", "earliest", "--execute")
    process.send_signal(signal.SIGCONT)
    assert "another instance took over" in finish(process, exit_code=8)
    assert state(application) == State.fresh({0: 0}, RULES)


def test_a_position_that_the_group_cannot_move_to_is_an_error(application: Application) -> None:
    application.create_topics(2)
    assert "there is nothing to reset" in application.run("reset-offsets", "--to", "earliest", exit_code=7)
    application.send([frame(T + second, "a") for second in range(30)], timestamp=LIVE)
    application.run("--until-end")
    refused = application.run("reset-offsets", "--to", "offset:20", exit_code=2)
    assert f"{application.topic('frames')}/1 has offsets 0 to 0" in refused
    assert f"{application.topic('frames')}/0" not in refused
    refused = application.run("reset-offsets", "--to", "2016-07-11T13:40:00Z", exit_code=2)
    assert "no window that ends after it has been published yet" in refused
    assert "the group has closed windows through 2016-07-11T13:40:00Z" in refused
    lateness_s = RULES.lateness_s + 2
    application.variables["LATENESS_S"] = str(lateness_s)
    refused = application.run("reset-offsets", "--to", "earliest", exit_code=7)
    assert f"judged by {RULES}, but the rules are now LATENESS_S={lateness_s}" in refused


def test_windows_closed_early_stay_closed_and_frames_that_are_gone_are_not_needed(
    application: Application,
) -> None:
    #  150 frames, a@0 to a@29 | an end, so the minute is closed | a@40 is late  a@100  a@130 … a@140    back to 120
    application.create_topics()
    application.send([frame(T + second, "a") for second in range(30) for _ in range(5)], timestamp=LIVE)
    application.run("--until-end")
    application.send([frame(T + second, "a") for second in (40, 100, *range(130, 141))], timestamp=LIVE)
    application.run("--until-end")
    seconds, minutes = application.seconds(), application.minutes()
    plan(application, "2016-07-11T13:41:00Z", "--execute")
    application.run("--until-end")
    again, after = since(seconds, T + 101), state(application)
    assert application.seconds() == seconds + again

    remove_frames_before(application, 20)
    planned = plan(application, "2016-07-11T13:41:00Z", "--execute")
    assert not planned["is_whole"]
    application.run("--until-end")
    assert application.seconds() == seconds + again * 2
    assert application.minutes() == minutes + since(minutes, T + 120) * 2
    assert state(application) == after
    # Of the minute 0 frames are gone: it is not published again, wherever the group is set.
    planned = plan(application, "earliest")
    assert planned["closed_through"]["timestamp"] == T + 60


def test_after_a_reset_back_and_forward_published_windows_stay_and_skipped_ones_get_no_rows(
    application: Application,
) -> None:
    #  a@0 a@10 a@70 a@80, published up to 80 | back to 40 | a@130 a@140 skipped | a@200 a@201
    application.create_topics()
    application.send([frame(T + second, "a") for second in (0, 10, 70, 80)], timestamp=LIVE)
    application.run("--until-end")
    assert state(application).series[1].windows == 81
    plan(application, "2016-07-11T13:39:40Z", "--execute")
    application.send([frame(T + second, "a") for second in (130, 140)], timestamp=LIVE)
    planned = plan(application, "latest", "--execute")
    assert [planned[name]["timestamp"] - T for name in ("closed_before", "closed_through")] == [40, 180]
    application.send([frame(T + second, "a") for second in (200, 201)], timestamp=LIVE)
    application.run("--until-end")
    assert [row[0] - T for row in application.seconds()] == [*range(81), *range(180, 202)]
    assert [row[0] - T for row in application.minutes()] == [0, 60, 180]
    after = state(application)
    assert (after.series[1].windows, after.series[1].total, after.series[60].windows) == (22, 2, 1)


def test_every_repeated_reset_back_publishes_the_same_and_leads_to_the_same_state(application: Application) -> None:
    #  a@0 … a@39, b@0 … b@39, published | a@40 … a@69 skipped | a@120 … a@159, again and again
    application.create_topics()
    application.send([frame(T + second, uid) for second in range(40) for uid in "ab"], timestamp=LIVE)
    application.run("--until-end")
    application.send([frame(T + second, "a") for second in range(40, 70)], timestamp=LIVE)
    plan(application, "latest", "--execute")
    application.send([frame(T + second, "a") for second in range(120, 160)], timestamp=LIVE)
    application.run("--until-end")
    seconds, states = application.seconds(), []
    assert len(seconds) == 80
    for number in range(1, 4):
        planned = plan(application, "2016-07-11T13:41:10Z", "--execute")
        assert planned["averages_since"]["timestamp"] == T + 130
        application.run("--until-end")
        assert application.seconds() == seconds + since(seconds, T + 130) * number
        states.append(state(application))
    assert states[1:] == states[:-1]
    assert (states[0].series[1].windows, states[0].series[1].total) == (30, 30)


def test_a_reset_to_an_offset_keeps_the_windows_that_the_slowest_partition_had_closed(application: Application) -> None:
    #  offset        0 … 59      60 … 119      partition 0 had closed 55 when both had read 60 frames, partition 1 more
    #  partition 0   0 … 59    | 60 … 119
    #  partition 1   0 2 … 118 | 120 … 238
    application.create_topics(2)
    for partition in (0, 1):
        frames = [frame(T + number * (1 + partition), f"u{number % 7}") for number in range(120)]
        application.send(frames, partition, timestamp=LIVE)
    application.run("--until-end")
    seconds, minutes = application.seconds(), application.minutes()
    planned = plan(application, "offset:60", "--execute")
    assert [move["new_position"] for move in planned["partitions"]] == [60, 60]
    assert (planned["read_again"], planned["closed_through"]["timestamp"]) == (120, T + 54)
    application.run("--until-end")
    assert application.seconds() == seconds + since(seconds, T + 54)
    assert application.minutes() == minutes * 2
    assert not plan(application, "offset:120")["has_changes"]
