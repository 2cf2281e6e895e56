"""`rejected` on a real broker: dead letters chosen and printed so that nothing of them is lost."""

import json
import os
import re
import signal
import subprocess
import sys

from tests.frames.rejected.dead_letters import reject
from tests.kafka.application import PROJECT, TIMEOUT_S, Application, finish, frame
from tests.terminal.pseudo_terminal import printed_on_a_terminal

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute
NOT_UTF8 = b'{"ts":1,"uid":"\xff"}'


def counted(application: Application) -> None:
    """Count four messages, of which three are rejected."""
    application.create_topics()
    application.send([b"no frame"], key=b"k\x00\xfe", timestamp=T * 1000)
    application.send([frame(T, "a"), None], timestamp=(T + 60) * 1000)
    application.send([NOT_UTF8], timestamp=(T + 120) * 1000 + 999)
    application.run("--until-end")


def test_each_dead_letter_is_a_json_object_without_loss(application: Application) -> None:
    counted(application)
    lines = [json.loads(line) for line in application.run("rejected").splitlines()]
    assert lines == [json.loads(line) for line in application.run("rejected", "list", "--json").splitlines()]
    topic = application.topic("frames")
    none = dict.fromkeys(("ts", "cut_from_bytes", "replay_of", "key", "key_base64", "frame", "frame_base64"))
    assert lines == [
        none
        | {
            "timestamp": T,
            "datetime": "2016-07-11T13:39:00Z",
            "reason": "not_json",
            "detail": lines[0]["detail"],
            "topic": topic,
            "partition": 0,
            "offset": 0,
            "event_time": None,
            "key_base64": "awD+",
            "frame": "no frame",
        },
        none
        | {
            "timestamp": T + 60,
            "datetime": "2016-07-11T13:40:00Z",
            "reason": "empty",
            "detail": "the record has no value",
            "topic": topic,
            "partition": 0,
            "offset": 2,
            "event_time": lines[1]["event_time"],
        },
        none
        | {
            "timestamp": T + 120,
            "datetime": "2016-07-11T13:41:00Z",
            "reason": "not_json",
            "detail": "invalid UTF-8 at byte 15: invalid start byte",
            "topic": topic,
            "partition": 0,
            "offset": 3,
            "event_time": lines[2]["event_time"],
            "frame_base64": "eyJ0cyI6MSwidWlkIjoi/yJ9",
        },
    ]


def test_reasons_and_times_choose_dead_letters(application: Application) -> None:
    counted(application)

    def offsets(*options: str) -> list[int]:
        return [json.loads(line)["offset"] for line in application.run("rejected", *options).splitlines()]

    assert offsets("--reason", "not_json") == [0, 3]
    assert offsets("--reason", "empty", "--reason", "late") == [2]
    assert offsets("--from", str(T + 60), "--to", str(T + 121)) == [2, 3]
    assert offsets("--from", str(T + 60), "--to", str(T + 120)) == [2]
    said = application.run("rejected", "--reason", "late")
    assert said == (
        f"no such dead letters in {application.topic('rejected')}; "
        "without --reason, --from, --to and --last, all are shown\n"
    )
    assert "'latest' is not one of" in application.run("rejected", "--reason", "latest", exit_code=2)
    assert "--json and --raw contradict each other" in application.run("rejected", "--json", "--raw", exit_code=2)


def test_an_empty_topic_says_so_and_a_missing_one_is_an_error(application: Application) -> None:
    said = application.run("rejected", exit_code=5)
    assert f"REJECTED_TOPIC={application.topic('rejected')}" in said
    application.create_topics()
    none = f"no dead letters in {application.topic('rejected')}: no frame was rejected so far\n"
    assert application.run("rejected") == none


def test_raw_frames_come_back_byte_for_byte_through_feed(application: Application) -> None:
    application.create_topics()
    frames = [b'{"ts": 1,\t"time":2}\r', NOT_UTF8, b" "]
    application.send([*frames, b"\n", b"", None])
    application.run("--until-end")
    application.create_topic("again")
    pipe = f"{sys.executable} {PROJECT}/app.py rejected --raw | INPUT_TOPIC={application.topic('again')} "
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", pipe + f"{sys.executable} {PROJECT}/app.py feed -"],
        env=application.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert "warning: 3 frames left out: without a value, with a line break" in done.stderr
    assert [message.value() for message in application.read("again")] == frames


def test_follow_shows_later_dead_letters_and_ends_cleanly_on_ctrl_c(application: Application) -> None:
    counted(application)
    process = application.start("rejected", "--follow", "--reason", "not_json")
    assert process.stdout is not None
    there = [json.loads(process.stdout.readline())["offset"] for _ in range(2)]
    application.send([None, b"nonsense"])
    application.run("--until-end")
    assert [*there, json.loads(process.stdout.readline())["offset"]] == [0, 3, 5]
    process.send_signal(signal.SIGINT)
    assert finish(process) == ""


def test_on_a_terminal_a_frame_is_cut_to_its_width_and_cannot_control_it(application: Application) -> None:
    application.create_topics()
    reject(application, [b"\x1b[31m" + b"x" * 100], timestamp=T * 1000)
    own = dict(application.environment().items() - os.environ.items())
    shown = printed_on_a_terminal(
        f"import os, runpy, sys; os.environ |= {own}; sys.argv = ['app.py', 'rejected']; "
        "runpy.run_path('app.py', run_name='__main__')"
    )
    lines = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", line).strip() for line in shown.splitlines()]
    assert lines[-2:] == [
        f"2016-07-11T13:39:00Z  wrong_ts  {application.topic('frames')}/0 offset 0: d",
        "\\x1b[31m" + "x" * 69 + "…",
    ]
