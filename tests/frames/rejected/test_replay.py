"""`rejected replay` on a real broker: what counts today is sent once, whatever happens; nothing else is."""

import json
import signal
import subprocess
from collections import Counter
from functools import partial
from threading import Event

import pytest
from confluent_kafka import Producer

from metrics.frames.core.frame import Reason
from metrics.frames.rejected import replay
from metrics.frames.rejected.fate import Fate
from metrics.frames.rejected.letters import Wanted
from metrics.frames.rejected.replay import opened
from metrics.frames.replay_marks import Place, replayed
from metrics.frames.results import rejected as newest
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import offset_ranges
from metrics.time.moments import ALL_TIME
from metrics.wording.errors import BrokerError, StateError
from tests.frames.rejected.dead_letters import reject
from tests.kafka.application import TIMEOUT_S, Application, finish, frame, wait_until

pytestmark = pytest.mark.slow

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute
RESET = (
    "late frames count if the group reads them again in their order, as long as the input topic has them: "
    "python app.py reset-offsets --to TIME"
)
ALL = Wanted(frozenset(), ALL_TIME)


def ends(application: Application) -> list[int]:
    """Return how many records the topics have."""
    return [len(application.read(role)) for role in ("frames", "rejected", "seconds", "minutes")]


def run_until(application: Application, position: int) -> None:
    """Run the main job until it has read the input up to a position; its last windows stay open."""
    process = application.start()
    wait_until(lambda: application.position(0) >= position, f"offset {position} is read")
    process.send_signal(signal.SIGINT)
    finish(process)


def a_frame_too_far_ahead(application: Application) -> None:
    """Count 31 seconds, in which one frame is 400 s ahead and rejected, and go on to where it no longer is."""
    application.variables |= {"IDLE_S": "3600"}
    application.create_topics()
    frames = [frame(T + second, f"u{number}") for second in range(31) for number in range(3)]
    application.send([*frames[:30], frame(T + 400, "fast"), *frames[30:]], key=b"k", timestamp=(T + 5) * 1000)
    run_until(application, 94)
    assert [dict(m.headers() or [])["reason"] for m in application.read("rejected")] == [b"future"]
    later = [frame(T + second, f"u{number}") for second in range(31, 396) for number in range(3)]
    application.send(later)
    run_until(application, 94 + len(later))


def test_a_replayed_frame_counts_once_and_the_recount_agrees(application: Application) -> None:
    a_frame_too_far_ahead(application)
    before = ends(application)
    said = application.run("rejected", "replay", "--reason", "future")
    assert said.splitlines() == [
        "reason  frames  sent  now",
        "future       1   yes  on time",
        f"nothing was sent; --send sends 1 frame to {application.topic('frames')}",
    ]
    assert ends(application) == before

    said = application.run("rejected", "replay", "--send")
    assert said.splitlines()[-1] == f"sent 1 frame to {application.topic('frames')}"
    sent = application.read("frames")[-1]
    assert (sent.value(), sent.key(), sent.timestamp()[1]) == (frame(T + 400, "fast"), b"k", (T + 5) * 1000)
    assert sent.headers() == [("replay_of", f"{application.topic('frames')}/0 offset 30".encode())]
    again = application.run("rejected", "replay", "--send").splitlines()
    assert again[-2:] == [
        "future       1    no  was replayed before",
        f"sent 0 frames to {application.topic('frames')}",
    ]

    application.send([frame(T + second, f"u{number}") for second in range(396, 410) for number in range(3)])
    application.run("--until-end")
    assert {at[0]: at[1] for at in application.seconds()}[T + 400] == 4
    assert "the outputs agree with the input" in application.run("verify")


def test_frames_that_the_settings_could_not_read_count_once_they_can(application: Application) -> None:
    application.create_topics()
    application.send([b'{"ts":%d,"uid":"u%d"}' % (1000 * T + 100 * nth, nth % 7) for nth in range(600)])
    application.run("--until-end")
    assert application.seconds() == []
    reasons = [json.loads(line)["reason"] for line in application.run("rejected").splitlines()]
    assert reasons == 600 * ["ts_out_of_range"]

    application.variables["TS_FORMAT"] = "milliseconds"
    said = application.run("rejected", "replay", "--send")
    assert said.splitlines()[1:] == [
        "ts_out_of_range     600   yes  on time",
        f"sent 600 frames to {application.topic('frames')}",
    ]
    application.run("--until-end")
    assert [at[:2] for at in application.seconds()] == [(T + second, 10) for second in range(60)]
    assert application.minutes() == [(T, 7, 7.0, 0, 600)]

    application.send([b'{"ts":%d,"uid":"v"}' % (1000 * T + 60_000 + 500 * nth) for nth in range(600)])
    application.run("--until-end")
    said = application.run("verify")
    assert (
        "settings that say how frames are read or judged have been changed: verified from 2016-07-11T13:40:00Z" in said
    )
    assert "compared 300 one-second windows and 5 one-minute windows" in said
    assert "the outputs agree with the input" in said


def fates(application: Application, *options: str) -> set[tuple[str, ...]]:
    """Replay, and return the lines of the table: reason, number of frames, whether they are sent, and why."""
    lines = (line.split(maxsplit=3) for line in application.run("rejected", "replay", *options).splitlines()[1:])
    return {(*line[:3], line[3].partition(":")[0]) for line in lines if line[2] in {"yes", "no"}}


def test_after_a_reset_only_frames_that_are_rejected_since_then_are_sent(application: Application) -> None:
    application.create_topics()
    frames = [frame(T + second, "a") for second in range(30)]
    numbered, listed = b'{"ts":%d,"uid":7}' % (T + 29), b'{"ts":%d,"uid":["b"]}' % (T + 90)
    application.send([*frames, numbered, listed])
    application.run("--until-end")
    application.run("reset-offsets", "--to", "earliest", "--execute")
    application.variables["UID_FORMAT"] = "any"
    application.run("--until-end")
    assert application.seconds()[-1][:2] == (T + 29, 2)

    again = "the group reads it again, or has, after a reset"
    assert fates(application) == {("wrong_uid", "1", "no", again), ("wrong_uid", "2", "no", "invalid")}
    application.variables["UID_FIELD"] = "/uid/0"
    expected = {
        ("wrong_uid", "1", "no", "invalid"),
        ("wrong_uid", "1", "no", again),
        ("wrong_uid", "1", "yes", "on time"),
    }
    assert fates(application, "--send") == expected
    assert application.read("frames")[-1].value() == listed


def test_a_reset_over_frames_that_were_replayed_says_that_they_may_count_twice(application: Application) -> None:
    a_frame_too_far_ahead(application)
    application.run("rejected", "replay", "--send")
    said = " ".join(application.run("reset-offsets", "--to", "earliest").split())
    assert "replayed frames (rejected replay) are in the topic twice: 1 frame to be read again will count twice" in said
    assert json.loads(application.run("reset-offsets", "--to", "earliest", "--json"))["replayed"] == 1
    after = f"offset:{94 + 3}"
    assert json.loads(application.run("reset-offsets", "--to", after, "--json"))["replayed"] == 0


def test_the_page_and_the_list_show_dead_letters_but_no_marks(application: Application) -> None:
    a_frame_too_far_ahead(application)
    application.run("rejected", "replay", "--send")
    assert len(application.read("rejected")) == 2
    assert [json.loads(line)["reason"] for line in application.run("rejected").splitlines()] == ["future"]
    settings = Settings.load(application.environment())
    [shown] = next(newest.latest(settings, 50, Event(), lambda _: None))
    assert shown.reason == "future"


def test_late_and_invalid_frames_are_announced_and_stay(application: Application) -> None:
    application.create_topics()
    frames = [frame(T + second, "a") for second in range(200)]
    application.send([*frames, frame(T, "late"), b"no frame"])
    application.run("--until-end")
    before = ends(application)
    said = application.run("rejected", "replay", "--send")
    assert said.splitlines() == [
        "reason    frames  sent  now",
        "late           1    no  late: would be rejected again",
        "not_json       1    no  invalid: would be rejected again",
        f"sent 0 frames to {application.topic('frames')}",
    ]
    assert ends(application) == before


def test_frames_that_are_late_since_their_rejection_are_announced_with_what_to_do(application: Application) -> None:
    application.create_topics()
    application.send([b'{"ts":%d,"uid":7}' % T, *(frame(T + second, "a") for second in range(200))])
    application.run("--until-end")
    application.variables["UID_FORMAT"] = "any"
    assert application.run("rejected", "replay", "--send").splitlines() == [
        "reason     frames  sent  now",
        "wrong_uid       1    no  late: would be rejected again",
        f"sent 0 frames to {application.topic('frames')}",
        RESET,
    ]


def test_a_replay_by_other_rules_than_those_of_open_windows_is_refused(application: Application) -> None:
    application.variables |= {"IDLE_S": "3600"}
    application.create_topics()
    application.send([frame(T, "a"), b'{"ts":%d,"uid":7}' % T, frame(T + 1, "b")])
    run_until(application, 3)
    before = ends(application)
    application.variables["UID_FORMAT"] = "any"
    said = application.run("rejected", "replay", "--send", exit_code=7)
    assert "the frames of open windows were judged by LATENESS_S=5 FUTURE_LIMIT_S=300\n" in said
    assert "UID_FORMAT=text python app.py --until-end" in said
    assert ends(application) == before


def test_a_frame_that_is_rejected_again_names_its_origin_and_is_sent_only_if_asked_for(
    application: Application,
) -> None:
    application.create_topics()
    application.send([frame(T + second, "u") for second in range(200)])
    reject(application, [frame(T, "a")])
    assert "sent 1 frame" in application.run("rejected", "replay", "--send")  # the group has not counted: not late
    application.run("--until-end")
    origin = f"{application.topic('frames')}/0 offset 0"
    assert [json.loads(line)["replay_of"] for line in application.run("rejected").splitlines()] == [None, origin]
    said = application.run("rejected", "replay", "--reason", "late", "--send")
    assert "late         1    no  was replayed, and rejected again (--again)" in said
    said = application.run("rejected", "replay", "--reason", "late", "--again")
    assert "late         1    no  late: would be rejected again" in said

    application.variables["CONSUMER_GROUP_ID"] = f"{application.name}-other"  # for which nothing is late so far
    assert "sent 1 frame" in application.run("rejected", "replay", "--reason", "late", "--send", "--again")
    assert [dict(m.headers() or [])["replay_of"] for m in application.read("frames")[-2:]] == [origin.encode()] * 2


def test_the_dead_letter_of_a_replayed_frame_keeps_the_header_that_names_its_origin(application: Application) -> None:
    application.create_topics()
    application.send([b"no frame"], headers=[("replay_of", b"frames/0 offset 3"), ("other", b"x")])
    application.run("--until-end")
    [letter] = application.read("rejected")
    headers = dict(letter.headers() or [])
    assert (headers["offset"], headers["replay_of"], "other" in headers) == (b"0", b"frames/0 offset 3", False)
    assert json.loads(application.run("rejected"))["replay_of"] == "frames/0 offset 3"


def test_a_replay_that_is_killed_and_repeated_sends_each_frame_once(application: Application) -> None:
    application.create_topics()
    frames = [frame(T + number, f"u{number}") for number in range(20_000)]
    reject(application, frames)
    reached = [0]
    for _ in range(3):
        process = application.start("rejected", "replay", "--send")
        wait_until(partial(_has_sent_more, application, process, reached[-1]), "more frames are sent")
        process.kill()
        process.wait(TIMEOUT_S)
        reached.append(committed_end(application))
    assert 0 < reached[1] < len(frames)
    application.run("rejected", "replay", "--send")
    values = Counter(message.value() for message in application.read("frames"))
    assert values == Counter(frames)


def committed_end(application: Application) -> int:
    """Return the last stable offset of the input."""
    admin = open_admin(Settings.load(application.environment()))
    return offset_ranges(admin, application.topic("frames"), 1)[0].high


def _has_sent_more(application: Application, process: subprocess.Popen[str], reached: int) -> bool:
    return process.poll() is not None or committed_end(application) > reached


def test_two_replays_at_once_send_each_frame_once(application: Application) -> None:
    application.create_topics()
    frames = [frame(T + number, f"u{number}") for number in range(5_000)]
    reject(application, frames)
    both = [application.start("rejected", "replay", "--send") for _ in range(2)]
    errors = [process.communicate(timeout=TIMEOUT_S)[1] for process in both]
    assert {process.returncode for process in both} <= {0, 8}, errors
    assert 0 in {process.returncode for process in both}, errors
    assert Counter(message.value() for message in application.read("frames")) == Counter(frames)


def test_a_mark_behind_an_open_transaction_is_not_overlooked(application: Application) -> None:
    application.create_topics()
    reject(application, [frame(T, "a"), frame(T, "b")])
    job = application.producer_in_transactions()
    job.begin_transaction()
    job.produce(application.topic("rejected"), b"no frame", headers=[("reason", b"not_json")])
    assert job.flush(TIMEOUT_S) == 0
    value, headers = replayed(application.topic("frames"), [Place(application.topic("frames"), 0, 1)])
    _write(application, value, headers)
    with opened(Settings.load(application.environment()), sends=False) as found:
        job.commit_transaction(TIMEOUT_S)
        counts = found.run(ALL, lambda _: None, with_returned=False)
    assert counts == {
        (Reason.WRONG_TS, Fate.ON_TIME): 1,
        (Reason.WRONG_TS, Fate.REPLAYED): 1,
        (Reason.NOT_JSON, Fate.FOREIGN): 1,
    }


def test_a_transaction_that_stays_open_is_named(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "SETTLE_S", 0.3)
    application.create_topics()
    job = application.producer_in_transactions()
    job.begin_transaction()
    job.produce(application.topic("rejected"), b"no frame")
    assert job.flush(TIMEOUT_S) == 0
    with (
        pytest.raises(BrokerError, match="has an open transaction"),
        opened(Settings.load(application.environment()), sends=False) as found,
    ):
        found.run(ALL, lambda _: None, with_returned=False)
    job.abort_transaction(TIMEOUT_S)


def test_a_mark_that_cannot_be_read_stops_a_replay(application: Application) -> None:
    application.create_topics()
    _write(application, b"nonsense", [("replayed", b"1")])
    settings = Settings.load(application.environment())
    with pytest.raises(StateError, match="is not a mark of this program"), opened(settings, sends=False) as found:
        found.run(ALL, lambda _: None, with_returned=False)


def _write(application: Application, value: bytes, headers: list[tuple[str, str | bytes | None]]) -> None:
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    producer.produce(application.topic("rejected"), value, headers=headers)
    assert producer.flush(TIMEOUT_S) == 0
