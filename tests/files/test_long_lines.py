"""Lines that are longer than a frame may be: a limit for the memory, and an answer for each command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from metrics.files.line_reader import Lines
from metrics.frames.core.frame import MAX_FRAME_BYTES

PROJECT = Path(__file__).resolve().parents[2]
FRAME = b'{"ts":1468244384,"uid":"a"}'
LONG_BYTES = 300_000_000
MAX_MEMORY_BYTES = 150_000_000

# The peak that wait4 reports for a child is at least that of its parent.
AND_TELL_MEMORY = """
import atexit, runpy, sys
atexit.register(lambda: sys.stderr.write(next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))))
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].removesuffix("app.py"))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def read(path: Path) -> list[bytes]:
    return list(Lines([path], MAX_FRAME_BYTES))


def a_long_line(path: Path, beginning: bytes = b"") -> Path:
    """Write a frame, a line of 300 MB, which are a hole in the file, and two frames."""
    with path.open("wb") as file:
        file.write(FRAME + b"\n" + beginning)
        file.seek(LONG_BYTES, os.SEEK_CUR)
        file.write(b"\n" + FRAME + b"\n" + FRAME + b"\n")
    return path


def run(*arguments: str | Path, stdin: int | None = None) -> tuple[int, str, str, int]:
    """Run the application; returns exit code, output, errors, and the most memory that it had, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", AND_TELL_MEMORY, PROJECT / "app.py", *arguments],
        stdin=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    errors, _, memory_kib = done.stderr.rpartition("VmHWM:")
    return done.returncode, done.stdout, errors, int(memory_kib.split()[0]) * 1024


@pytest.mark.parametrize("over", [-1, 0, 1, 2, 300_000, 2 * MAX_FRAME_BYTES])
def test_a_line_is_cut_after_one_byte_more_than_a_frame_may_have(tmp_path: Path, over: int) -> None:
    path, size = tmp_path / "frames.jsonl", MAX_FRAME_BYTES + over
    path.write_bytes(b"a\n" + b"x" * size + b"\nb\n\n" + b"y" * size)
    kept = min(size, MAX_FRAME_BYTES + 1)
    assert read(path) == [b"a", b"x" * kept, b"b", b"", b"y" * kept]


def test_count_rejects_a_line_of_300_mb_and_reads_on_in_little_memory(tmp_path: Path) -> None:
    exit_code, output, errors, memory_bytes = run("count", a_long_line(tmp_path / "frames.jsonl"), "--seconds")
    assert exit_code == 0
    assert [json.loads(line)["num_of_frames"] for line in output.splitlines()] == [3]
    assert "frames.jsonl:2: rejected as too_large: the line is longer than 4,194,304 bytes" in errors
    assert memory_bytes < MAX_MEMORY_BYTES


def test_count_rejects_a_long_line_out_of_a_pipe(tmp_path: Path) -> None:
    with subprocess.Popen(["cat", a_long_line(tmp_path / "frames.jsonl")], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        _, output, errors, memory_bytes = run("count", "-", "--seconds", stdin=cat.stdout.fileno())
    assert [json.loads(line)["num_of_frames"] for line in output.splitlines()] == [3]
    assert "standard input:2: rejected as too_large" in errors
    assert memory_bytes < MAX_MEMORY_BYTES


def test_a_frame_followed_by_300_mb_in_its_line_is_not_a_frame(tmp_path: Path) -> None:
    path = a_long_line(tmp_path / "frames.jsonl", FRAME + b" ")
    exit_code, output, _, memory_bytes = run("accuracy", path)
    assert (exit_code, "3 frames" in output) == (0, True)
    assert memory_bytes < MAX_MEMORY_BYTES
