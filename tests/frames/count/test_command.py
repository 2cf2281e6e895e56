"""`count` as its user runs it: files, folders and pipes in, records out."""

import gzip
import json
import lzma
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from metrics.frames.producer import generator
from tests.reference import Sent, count_all
from tests.test_app import PROJECT, in_a_shell, refused, run

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute
FRAMES = list(generator.frames(count=3_000, rate=20, users=100, delay_s=9, delay_probability=0.05, seed=3))

#  frame   T  T  T+1  T+1  none  T+7        LATENESS_S=5: T+7 closes T and T+1, and the end closes the rest
SMALL = "".join(f'{{"ts":{T + second},"uid":"{uid}"}}\n' for second, uid in ((0, "a"), (0, "b"), (1, "a"), (1, "c")))
SMALL += f'none\n{{"ts":{T + 7},"uid":"a"}}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "frames.jsonl"
    path.write_text(SMALL)
    return path


def joined(frames: Iterable[bytes]) -> bytes:
    return b"".join(frame + b"\n" for frame in frames)


def rows(lines: str) -> tuple[list[tuple[int, int, float, int]], list[tuple[int, int, float, int, int]]]:
    """Return records, a line each, as the plain reference writes them."""
    records = [json.loads(line) for line in lines.splitlines()]
    return (
        [
            (at["timestamp"], at["num_of_frames"], at["avg_num_of_frames"], at.get("gap_s", 0))
            for at in records
            if "unique_users" not in at
        ],
        [
            (at["timestamp"], at["unique_users"], at["avg_users_per_minute"], at.get("gap_s", 0), at["num_of_frames"])
            for at in records
            if "unique_users" in at
        ],
    )


def test_records_are_those_of_a_plain_count_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_bytes(joined(FRAMES))
    decoded = [json.loads(frame) for frame in FRAMES]
    answer = count_all({0: [Sent(at["ts"], at["uid"]) for at in decoded]}, lateness_s=3, gap_limit_s=3600)
    assert answer.late > 10
    finished = run("count", path, LATENESS_S="3")
    assert finished.returncode == 0
    assert rows(finished.stdout) == (answer.seconds, answer.minutes)


def test_several_files_packed_or_not_and_folders_are_one_stream_in_the_order_given(tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole.jsonl", tmp_path / "folder"
    folder.mkdir()
    whole.write_bytes(joined(FRAMES))
    parts = [joined(FRAMES[start : start + 600]) for start in range(0, 3_000, 600)]
    (tmp_path / "z.jsonl.xz").write_bytes(lzma.compress(parts[0]))
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(parts[1]))
    (folder / "b.jsonl").write_bytes(parts[2])
    (folder / "c.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(parts[3]))
    (folder / ".hidden.jsonl").write_bytes(parts[0])
    (folder / "notes.txt").write_bytes(parts[0])
    (tmp_path / "a.jsonl").write_bytes(parts[4])
    found = run("count", tmp_path / "z.jsonl.xz", folder, tmp_path / "a.jsonl")
    assert found.stdout == run("count", whole).stdout
    assert "read 3,000 frames in" in found.stderr


def test_standard_input_gives_the_same_records_as_the_file(tmp_path: Path, file: Path) -> None:
    code, _ = in_a_shell(
        f"cat {file} | app count - > piped; app count {file} > read; cmp piped read || exit 9", tmp_path
    )
    assert code == 0
    assert (tmp_path / "read").read_text() != ""


def test_seconds_or_minutes_alone_can_be_printed(file: Path) -> None:
    both, seconds, minutes = (run("count", file, *which).stdout for which in ([], ["--seconds"], ["--minutes"]))
    assert seconds + minutes == both
    assert minutes == (
        '{"timestamp":1468244340,"datetime":"2016-07-11T13:39:00Z","end":1468244400,'
        '"unique_users":3,"avg_users_per_minute":3.0,"num_of_frames":5}\n'
    )


def test_a_table_has_a_bar_in_each_row(file: Path) -> None:
    shown = run("count", file, "--table", COLUMNS="80").stdout.splitlines()
    assert max(map(len, shown)) <= 80
    assert [re.split("  +", line.strip()) for line in shown][:3] == [
        ["window", "kind", "users", "frames", "average"],
        ["2016-07-11T13:39:00Z", "second", "2", "2.000", "█" * 15],
        ["2016-07-11T13:39:01Z", "second", "2", "2.000", "█" * 15],
    ]
    assert [re.split("  +", line.strip()) for line in shown][-2:] == [
        ["2016-07-11T13:39:07Z", "second", "1", "0.625", "███████▌"],
        ["2016-07-11T13:39:00Z", "minute", "3", "5", "3.000", "█" * 15],
    ]


def test_outside_a_terminal_neither_the_table_nor_the_summary_is_cut_or_folded(file: Path) -> None:
    finished = run("count", file, "--table", COLUMNS="16")
    assert finished.stdout.splitlines()[0].split() == ["window", "kind", "users", "frames", "average"]
    assert "2016-07-11T13:39:00Z  minute          3          5        3.000" in finished.stdout
    assert "seconds published           8\n" in finished.stderr


def test_seconds_and_minutes_contradict_each_other(file: Path) -> None:
    assert "--seconds and --minutes contradict each other" in refused(2, "count", file, "--seconds", "--minutes")


def test_a_table_of_seconds_or_minutes_has_their_columns_only(file: Path) -> None:
    seconds, minutes = (
        run("count", file, "--table", kind, COLUMNS="80").stdout.splitlines() for kind in ("--seconds", "--minutes")
    )
    assert [re.split("  +", line.strip())[:4] for line in (seconds[0], seconds[1], *minutes)] == [
        ["window", "frames", "average"],
        ["2016-07-11T13:39:00Z", "2", "2.000", "█" * 34],
        ["window", "users", "frames", "average"],
        ["2016-07-11T13:39:00Z", "3", "5", "3.000"],
    ]


def test_a_gap_without_rows_is_a_row_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("".join(f'{{"ts":{T + at},"uid":"a"}}\n' for at in (0, 0, 0, 600, 600, 600)))
    shown = run("count", tmp_path / "x.jsonl", "--table", "--seconds", GAP_LIMIT_S="60").stdout.splitlines()
    assert [line[:20].rstrip() for line in shown[1:]] == [
        "2016-07-11T13:39:00Z",
        "gap of 599 s",
        "2016-07-11T13:49:00Z",
    ]


def test_the_summary_goes_to_standard_error_with_the_rows_of_the_main_job(file: Path) -> None:
    said = run("count", file).stderr
    assert "read 6 frames in" in said
    summed = dict(re.split("  +", line) for line in said.splitlines() if "  " in line.strip())
    assert summed["frames consumed"] == "6"
    assert summed["counted"] == "5"
    assert summed["rejected as not_json"] == "1"
    assert summed["seconds published"] == "8"
    assert summed["error rate"] == "16.667%"


def named(said: str) -> list[int]:
    """Return the numbers of the lines that are named as rejected."""
    return [int(number) for number in re.findall(r":(\d+): rejected as ", said)]


def test_the_first_rejected_frames_of_each_reason_are_reported_with_places_and_all_with_verbose(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("{}\n" * 7 + SMALL)
    said = run("count", path).stderr
    assert f"warning: {path}:1: rejected as no_ts: the root object has no ts\n" in said
    assert f"warning: {path}:12: rejected as not_json: " in said
    assert named(said) == [1, 2, 3, 12]
    assert "and 4 more rejected frames; --verbose reports each\n" in said
    said = run("count", path, "--verbose").stderr
    assert named(said) == [*range(1, 8), 12]
    assert "more rejected" not in said


@contextmanager
def live(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `count -` on a pipe that is still written to."""
    with subprocess.Popen(
        [sys.executable, PROJECT / "app.py", "count", "-", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        end = threading.Timer(60, process.kill)
        end.start()
        try:
            yield process
        finally:
            end.cancel()
            process.kill()


def say(process: subprocess.Popen[str], *seconds: int) -> None:
    """Write frames of these seconds into the pipe at once, of two users."""
    assert process.stdin is not None
    process.stdin.write("".join(f'{{"ts":{T + at},"uid":"{"ab"[at % 2]}"}}\n' for at in seconds))
    process.stdin.flush()


def test_a_record_comes_out_of_a_live_pipe_as_soon_as_event_time_closes_its_window() -> None:
    #  written   T T T T+5 T+6              T+7
    #  closed                  T  (T+1 … no)     T+1
    with live() as process:
        assert process.stdout is not None
        assert process.stdin is not None
        say(process, 0, 0, 0, 5, 6)
        assert json.loads(process.stdout.readline())["datetime"] == "2016-07-11T13:39:00Z"
        say(process, 7)
        process.stdin.close()
        assert [json.loads(line)["end"] - T for line in process.stdout] == [2, 3, 4, 5, 6, 7, 8, 60]
        assert process.wait() == 0


@pytest.mark.parametrize("batches", [[[57, 62, 66, 68]], [[57], [62], [66], [68]]])
def test_records_come_in_the_order_in_which_their_windows_end(batches: list[list[int]]) -> None:
    #  frame   T+57  T+62  T+66              T+68    LATENESS_S=5: T+66 closes T+57 and the minute, T+68 closes T+62,
    #  known    57             58 … 61, 62           and what lies between them
    with live() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for batch in batches:
            say(process, *batch)
            time.sleep(0.05)  # mostly batches of their own; joined, they must give the same
        process.stdin.close()
        records = [json.loads(line) for line in process.stdout]
    ends = [(record["end"] - T, "minute" if "unique_users" in record else "second") for record in records]
    seconds = [(end, "second") for end in range(58, 70)]
    assert ends == [*seconds[:3], (60, "minute"), *seconds[3:], (120, "minute")]


def test_a_table_grows_out_of_a_live_pipe() -> None:
    with live("--table") as process:
        assert process.stdout is not None
        say(process, 0, 0, 0, 5, 6)
        assert process.stdout.readline().startswith("window")
        assert process.stdout.readline().startswith("2016-07-11T13:39:00Z  second")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_count_stopped_while_reading_a_pipe_prints_its_summary(number: signal.Signals, exit_code: int) -> None:
    with live("--seconds") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        say(process, 0, 0, 0, 5, 6)
        process.stdout.readline()
        say(process, 10, 11)
        process.stdout.readline()  # the first batch is done, and the second nearly so
        process.send_signal(number)
        said = process.stderr.read()
        assert process.wait() == exit_code
    assert "Traceback" not in said
    assert re.search(r"^stopped after [567] frames in ", said, re.MULTILINE)
    assert "frames consumed" in said


@pytest.mark.parametrize("how", ["", "--table"])
def test_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path: Path, how: str) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text("".join(f'{{"ts":{T + second},"uid":"a"}}\n' for second in range(20_000)))
    assert in_a_shell(f"app count {path} {how} | head -1", tmp_path) == (141, "")


def test_a_full_disk_is_an_error(tmp_path: Path, file: Path) -> None:
    code, said = in_a_shell(f"app count {file} > /dev/full", tmp_path)
    assert code == 3
    assert "standard output cannot be written" in said


def test_a_file_whose_frames_are_all_rejected_ends_with_a_warning(tmp_path: Path, file: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("none\n" * 5)
    finished = run("count", wrong)
    assert finished.returncode == 0
    assert finished.stderr.splitlines()[-1] == (
        "warning: 100.0% of the frames are late or rejected, 5 of 5: is this the right stream?"
    )
    assert "is this the right stream?" not in run("count", file).stderr  # one of six


@pytest.mark.parametrize(("share", "exit_code"), [("0", 1), ("0.16", 1), ("0.17", 0), ("1", 0)])
def test_count_fails_after_counting_if_too_large_a_share_of_frames_is_wrong(
    file: Path, share: str, exit_code: int
) -> None:
    #  one of six is no frame: 0.1667
    finished = run("count", file, "--fail-over", share)
    assert finished.returncode == exit_code
    assert len(finished.stdout.splitlines()) == 9
    assert ("error: 16.7% of the frames are late or rejected: 1 of 6" in finished.stderr) == bool(exit_code)


@pytest.mark.parametrize(("share", "percent"), [("0.0001", "0.01%"), ("0.07", "7%"), ("0.123456", "12.3456%")])
def test_the_accepted_share_is_printed_as_given(file: Path, share: str, percent: str) -> None:
    said = run("count", file, "--fail-over", share).stderr
    assert f"why: --fail-over {share} accepts at most {percent}\n" in said


def test_a_small_share_of_wrong_frames_is_not_printed_as_zero(tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_bytes(b'{"ts":1468244340,"uid":"a"}\n' * 4_999 + b"none\n")
    said = run("count", file, "--fail-over", "0.0001").stderr
    assert "error: 0.02% of the frames are late or rejected: 1 of 5,000" in said


@pytest.mark.parametrize("share", ["-0.1", "1.5", "nan"])
def test_an_invalid_share_is_refused(file: Path, share: str) -> None:
    finished = run("count", file, "--fail-over", share)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert f"invalid --fail-over {share}" in finished.stderr


def test_a_missing_file_is_refused_before_anything_is_counted(tmp_path: Path, file: Path) -> None:
    finished = run("count", file, tmp_path / "none.jsonl")
    assert finished.returncode == 3
    assert finished.stdout == ""
    assert "none.jsonl cannot be read" in finished.stderr
    (tmp_path / "empty").mkdir()
    assert "empty contains no file of JSON lines" in refused(3, "count", tmp_path / "empty")


def test_a_broken_file_is_an_error_after_what_was_counted_before_it(tmp_path: Path, file: Path) -> None:
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(os.urandom(1_000))[:500])
    with file.open("a") as more:
        more.write(f'{{"ts":{T + 7},"uid":"b"}}\n{{"ts":{T + 7},"uid":"c"}}\n')  # they prove that it is T+7
    finished = run("count", file, tmp_path / "broken.jsonl.gz")
    assert finished.returncode == 3
    assert rows(finished.stdout)[0] == [(T, 2, 2.0, 0), (T + 1, 2, 2.0, 0)]
    assert "stopped after 8 frames in" in finished.stderr
    assert "broken.jsonl.gz is corrupt, truncated" in finished.stderr


@pytest.mark.parametrize("lines", ["", "none\n"])
def test_an_input_without_frames_gives_no_record(tmp_path: Path, lines: str) -> None:
    (tmp_path / "x.jsonl").write_text(lines)
    finished = run("count", tmp_path / "x.jsonl")
    assert (finished.returncode, finished.stdout) == (0, "")
    assert f"read {len(lines.splitlines())} frame" in finished.stderr
