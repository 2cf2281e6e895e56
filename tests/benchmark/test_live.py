"""Latency and restart: which frame closes a window, percentiles, the duration of a start; all worked out by hand."""

import json
from pathlib import Path

import msgspec

from benchmark.broker import Arrived
from benchmark.live import feeder, latency, restart
from benchmark.live.feeder import Began
from benchmark.live.latency import Latency, closing, paired, percentile
from benchmark.ours import TookOver
from benchmark.process import reports
from benchmark.truth import Published, Truth

M = 1_468_244_400  # the start of a minute
NOTHING = Truth(0, 0, 0, {}, {})

#  ts of the first frames   M+5   M+6   M+8         (no frame came in M+7)
#  produced at              100   101   103.5
BEGAN = [Began(M + 5, 100.0, NOTHING), Began(M + 6, 101.0, NOTHING), Began(M + 8, 103.5, NOTHING)]


def arrived(at_s: float, start: int, topic: str = "seconds") -> Arrived:
    return Arrived(at_s, topic, Published(start, 1))


def test_a_window_is_closed_by_the_first_frame_five_seconds_ahead_of_its_end() -> None:
    assert [closing(BEGAN, M + end) for end in (0, 1, 2, 3, 4)] == [BEGAN[0], BEGAN[1], BEGAN[2], BEGAN[2], None]


def test_latency_is_from_the_produce_of_that_frame_to_the_record() -> None:
    records = [
        arrived(100.125, M - 60, "minutes"),  # ends at M: closed at 100
        arrived(101.125, M),  # ends at M+1: closed at 101
        arrived(103.75, M + 1),  # ends at M+2: closed at 103.5, and so is the next
        arrived(104.0, M + 2),
        arrived(109.0, M + 3),  # no frame that closes it was reported
    ]
    assert paired(BEGAN, records, "seconds", 1) == [
        Latency(M, 0.125),
        Latency(M + 1, 0.25),
        Latency(M + 2, 0.5),
    ]
    assert paired(BEGAN, records, "minutes", 60) == [Latency(M - 60, 0.125)]


def test_percentiles_use_the_nearest_rank() -> None:
    numbers = [float(number) for number in range(100, 0, -1)]
    assert [percentile(numbers, share) for share in (0.07, 0.5, 0.99, 1.0)] == [7, 50, 99, 100]
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2
    assert percentile([1.0], 0.01) == 1
    assert [percentile([float(number) for number in range(120)], 0.99)] == [118]  # the second largest


def test_latencies_are_summarised() -> None:
    latencies = [Latency(M + number, number / 10) for number in range(4)]
    assert latency.row("second", latencies) == ("second", "4", "100.0", "300.0", "300.0")
    assert latency.row("minute", []) == ("minute", "0", "-", "-", "-")


def test_every_frame_of_the_feeder_has_one_ts_to_replace() -> None:
    frames = list(feeder.templates(2_000))
    assert {frame.count(feeder.GENERATED_TS) for frame in frames} == {1}
    assert {json.loads(frame.replace(feeder.GENERATED_TS, b'"ts":7'))["ts"] for frame in frames} == {7}
    assert 2_060 < sum(map(len, frames)) / len(frames) < 2_100


def test_the_reports_of_the_feeder_are_read() -> None:
    printed = [msgspec.json.encode(began).decode() for began in BEGAN]
    assert reports(printed, Began) == BEGAN


def test_the_page_of_latency_has_table_histogram_and_numbers(tmp_path: Path) -> None:
    seconds = [Latency(M + number, 0.02) for number in range(119)] + [Latency(M + 119, 0.07)]
    found = latency.Found(rate=1_000, seconds=seconds, minutes=[Latency(M, 0.031)], problems=[])
    assert found.write(tmp_path, "Measured by hand.") == tmp_path / "LATENCY.md"
    text = (tmp_path / "LATENCY.md").read_text()
    assert "| second | 120 | 20.0 | 20.0 | 70.0 |" in text
    assert "| minute | 1 | 31.0 | 31.0 | 31.0 |" in text
    assert "results: right" in text
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert msgspec.json.decode((tmp_path / "latency.json").read_bytes(), type=latency.Found) == found


def test_a_start_has_three_parts() -> None:
    #  process  asks   took over   an old record   the first new one
    #  100      100.5  101.25      101.2           101.5
    lines = ["topics are there", '{"began_s":100.5,"ended_s":101.25}']
    [took_over] = reports(lines, TookOver)
    assert took_over == TookOver(100.5, 101.25)
    first = restart.first_after([arrived(99.0, M), arrived(101.2, M + 1), arrived(101.5, M + 2)], took_over.ended_s)
    assert first == arrived(101.5, M + 2)
    start = restart.start("at a random moment", 100.0, took_over, first)
    assert (start.until_taking_over_s, start.taking_over_s, start.until_result_s) == (0.5, 0.75, 0.25)
    assert (start.total_s, start.besides_s) == (1.5, 0.75)
    assert reports(lines[:1], TookOver) == []
    assert restart.first_after([arrived(99.0, M)], 101.25) is None


def test_the_page_of_restarts_has_each_start_and_medians(tmp_path: Path) -> None:
    starts = [
        restart.Start("", 1.0, 0.5, 5.0),
        restart.Start("at a random moment", 0.5, 0.25, 0.25),
        restart.Start("while it commits a second", 0.5, 0.75, 0.25),
        restart.Start("at a random moment", 0.5, 0.25, 0.75),
    ]
    restart.Found(starts=starts, problems=["1 second missing"]).write(tmp_path, "Measured by hand.")
    text = (tmp_path / "RESTART.md").read_text()
    assert "| first start | 1.00 | 0.50 | - | - | - |" in text
    assert "| while it commits a second | 0.50 | 0.75 | 0.25 | 1.50 | 0.75 |" in text
    assert "| **median of restarts** | **0.50** | **0.25** | **0.25** | **1.50** | **0.75** |" in text
    assert "| **longest** | **0.50** | **0.75** | **0.75** | **1.50** | **1.25** |" in text
    assert "Results over all restarts: 1 second missing." in text
