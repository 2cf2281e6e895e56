"""`count` against the main job: the same file, with and without Kafka."""

import json
from pathlib import Path

from metrics.frames.producer import generator
from tests.kafka.application import Application

START = generator.START_TS


def frames_with_faults() -> list[bytes]:
    """Return frames with delays, with gaps that get rows and one that gets none, and with all kinds of wrong ones."""
    parts = [
        list(generator.frames(count=1_500, rate=20, users=300, delay_s=90, delay_probability=0.1, seed=3, start_ts=at))
        for at in (START, START + 900, START + 40_000)
    ]
    wrong = [b"", b"no JSON", b"{}", b'{"ts":1468244384,"uid":7}', b'{"ts":253402300799,"uid":"far"}']
    for number, frame in enumerate(wrong):
        parts[number % 3].insert(100 * (number + 1), frame)
    return [frame for part in parts for frame in part]


def figures(output: str, column: str) -> dict[str, str]:
    """Return the summary's first column of figures, by their names."""
    _, _, table = output.partition(column)
    split = [line.split("  ") for line in table.splitlines() if "  " in line]
    return {name: next(figure for figure in row if figure).strip() for name, *row in split}


def test_count_prints_what_the_main_job_publishes_byte_for_byte(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, frames_with_faults())
    by_job = application.run("--until-end")
    by_count = application.run("count", tmp_path / "frames.jsonl")

    lines = [line.encode() for line in by_count.splitlines() if line.startswith("{")]
    seconds, minutes = ([message.value() for message in application.read(role)] for role in ("seconds", "minutes"))
    assert [line for line in lines if b"unique_users" not in line] == seconds
    assert [line for line in lines if b"unique_users" in line] == minutes
    assert any("gap_s" in json.loads(line) for line in lines)
    assert any(json.loads(line)["num_of_frames"] == 0 for line in lines)

    counted = figures(by_count, "total")
    assert counted == figures(by_job, "all runs")
    assert counted["frames consumed"] == "4,505"
    assert int(counted["rejected"]) == len(application.read("rejected"))
    assert int(counted["rejected as late"]) > 10
    assert int(counted["late_in_minute"]) > 10
