"""What people see: lines that fit 80 columns, words that fit their number, no wrapping where nobody reads."""

import re
import subprocess
import sys
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from rich.table import Table

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.figures import Figures, metrics_line
from metrics.frames.job.report import LiveRate, Report, record_line
from metrics.frames.records import Record
from metrics.terminal import console
from metrics.terminal.tables import say_table
from metrics.wording.errors import BrokerError
from metrics.wording.text import escaped, in_line, pace, rate
from tests.frames.core.message import Message, message
from tests.frames.windows import minute_record, second_record, series
from tests.terminal.pseudo_terminal import printed_on_a_terminal

PROJECT = Path(__file__).resolve().parents[2]
T = 1468244340  # 2016-07-11T13:39:00Z


def second(frames: int, average: float) -> Record:
    return second_record(start=T, frames=frames, average=average, gap_s=0)


def minute(users: int, average: float, frames: int) -> Record:
    return minute_record(start=T, users=users, average=average, frames=frames, gap_s=0)


CONTROLS = "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x2066]))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_foreign_text_cannot_control_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    for stream in (console.out, console.err):
        monkeypatch.setattr(stream, "_force_terminal", is_terminal)
        monkeypatch.setattr(stream, "_color_system", None)
    table = Table("name")
    table.add_row(f"a{CONTROLS}b")
    console.say(f"a{CONTROLS}b")
    console.note(f"a{CONTROLS}b")
    console.warn(f"a{CONTROLS}b")
    console.fail(BrokerError(CONTROLS, why=CONTROLS, hint=CONTROLS))
    say_table(table)
    console.out.print(table)
    if is_terminal:
        console.say_lines([f"a{CONTROLS}b"])
    printed = "".join(capsys.readouterr())
    assert not set(printed) & set(CONTROLS)
    assert r"a\x00\x01\x02" in printed


def test_text_in_any_language_is_left_unchanged() -> None:
    assert escaped("Grüße\tשגב\n日本語 🎞 \\x1b") == "Grüße\tשגב\n日本語 🎞 \\x1b"


def test_a_name_stays_in_its_line() -> None:
    assert in_line("Grüße שגב 日本語 🎞 \\x1b") == "Grüße שגב 日本語 🎞 \\x1b"
    assert in_line("a\nb\tc\rd\x1b\u2028") == r"a\nb\tc\rd\x1b\u2028"
    assert console.shown(Path("nl\nfoo")) == r"nl\nfoo"


def test_a_second_and_a_minute_are_lines_of_aligned_columns() -> None:
    assert [
        record_line(second(1, 1.0)),
        record_line(second(146, 93.5)),
        record_line(minute(3385, 2170.0, 5649)),
        record_line(minute(1, 1.0, 1)),
    ] == [
        "2016-07-11T13:39:00Z  second         1 frame   avg       1.000",
        "2016-07-11T13:39:00Z  second       146 frames  avg      93.500",
        "2016-07-11T13:39:00Z  minute     3,385 users   avg   2,170.000      5,649 frames",
        "2016-07-11T13:39:00Z  minute         1 user    avg       1.000          1 frame",
    ]


def test_lines_of_millions_fit_80_columns() -> None:
    assert len(record_line(second(9_999_999, 999_999.999))) <= 80
    assert len(record_line(minute(9_999_999, 999_999.999, 9_999_999))) == 80


@pytest.mark.parametrize(
    ("frames", "seconds", "said"),
    [
        (0, 0.0, "0 frames in 0.000 s: 0 frames/s"),
        (1, 0.0, "1 frame in 0.000 s: 1,000 frames/s, 1,000.0 µs each"),
        (1, 2.0, "1 frame in 2.0 s: 0.5 frames/s, 2,000,000.0 µs each"),
        (60_000, 2.06, "60,000 frames in 2.1 s: 29,126 frames/s, 34.3 µs each"),
        (100_000_000, 12_345.67, "100,000,000 frames in 12,346 s: 8,100 frames/s, 123.5 µs each"),
    ],
)
def test_a_pace_can_be_shown_for_any_number_of_frames_in_any_time(frames: int, seconds: float, said: str) -> None:
    assert pace(frames, "frame", seconds) == said


def test_a_rate_of_input_that_was_waited_for_shows_no_cost() -> None:
    assert rate(1_000, "frame", 9.93) == "1,000 frames in 9.9 s: 101 frames/s"
    assert rate(0, "frame", 9.93) == "0 frames in 9.9 s: 0 frames/s"


def test_a_live_rate_covers_five_seconds_and_has_a_cost_per_frame_unless_the_input_was_the_limit() -> None:
    #  wall time   0 … 10                11 … 16                    added every half second
    #  frames      1,000/s, not waited   100/s, waited half of it
    live = LiveRate(0.0)
    for half in range(1, 21):
        live.add(half / 2, 500 * half, 0.0)
    assert live.pace(10.0, 10_000, 0.0) == "1,000 frames/s, 1,000.0 µs each"
    for half in range(1, 13):
        live.add(10 + half / 2, 10_000 + 50 * half, half / 4)
    assert live.pace(16.0, 10_600, 3.0) == "100 frames/s"
    assert live.rate(16.0, 10_600) == "100 frames/s"


def test_frames_that_come_in_bursts_have_a_steady_rate() -> None:
    #  100 frames at once, every second: in most quarters of a second, none
    live, rates = LiveRate(0.0), set()
    for quarter in range(1, 81):
        live.add(quarter / 4, 100 * (quarter // 4), quarter / 4)
        if quarter >= 40:
            rates.add(live.rate(quarter / 4, 100 * (quarter // 4)))
    assert rates == {"100 frames/s"}


def test_execution_metrics_are_one_line() -> None:
    tally = Tally(60_000, 59_985, late=12, late_in_minute=12, rejected={"not_json": 3})
    line = metrics_line(pace(60_000, "frame", 2.06), tally)
    assert line == ("60,000 frames in 2.1 s: 29,126 frames/s, 34.3 µs each; late 12, rejected 3, error rate 0.025%")


def counter_of(at: PartitionState) -> Counter:
    """Return a counter resumed from the state of one partition; what is counted is published."""
    rules, counted = Rules(5, 3600), Series(T, 1, at.tally.counted, T + 60)
    return Counter(
        State(T + 60, rules, series(counted, Series(T, 1, 1, T + 60)), {0: at}), rules, gap_limit_s=0, now_s=0
    )


def summary(report: Report, capfd: pytest.CaptureFixture[str]) -> dict[str, tuple[str, ...]]:
    """Return the rows of a summary: of this run, and of all."""
    report.sum_up()
    rows = [re.split("  +", line.strip()) for line in capfd.readouterr().out.splitlines()]
    return {name: tuple(figures) for name, *figures in rows if len(figures) == 2}


def report_of(counter: Counter) -> Report:
    job: Any = SimpleNamespace(counter=counter, source=SimpleNamespace(waited_s=0.0))
    return Report(job, Event(), is_verbose=False, print_interval=1)


def test_a_run_that_only_resolves_what_an_earlier_one_held_has_an_error_rate_of_what_it_decided_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    #  offset   0 … 6          7            8
    #  frame    counted        T+100000     T+200000     held since the run before, not proved by the end of this one
    counter = counter_of(PartitionState(9, 7, T, T, T + 60, tally=Tally(9, 7, held=2)))
    for offset, far_s in enumerate((100_000, 200_000), start=7):
        counter.partitions[0].rebuild(message(offset, T + far_s, "a"))
    counter.resume()
    report = report_of(counter)
    assert report.execution_metrics().endswith("late 0, rejected 0, error rate -")
    counter.resolve()
    rows = summary(report, capfd)
    assert rows["frames consumed"] == ("0", "9")
    assert rows["future"] == ("2", "2")
    assert rows["held"] == ("-2", "0")
    assert rows["error rate"] == ("100.000%", "22.222%")


def test_a_run_that_decided_on_no_frame_has_no_error_rate(capfd: pytest.CaptureFixture[str]) -> None:
    counter = counter_of(PartitionState(4, 4, T, T, T + 60, tally=Tally(4, 3, rejected={"not_json": 1})))
    counter.resume()
    assert summary(report_of(counter), capfd)["error rate"] == ("-", "25.000%")


def test_frames_that_wait_for_proof_are_neither_right_nor_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    #  invalid  a@T+100000  b@T+200000     one was decided on, two are held
    counter = counter_of(PartitionState(0, 0, watermark=T + 60))
    counter.resume()
    report = report_of(counter)
    partition = counter.partitions[0]
    partition.count([Message(0, b"{}"), message(1, T + 100_000, "a"), message(2, T + 200_000, "b")])
    assert summary(report, capfd)["error rate"] == ("100.000%", "100.000%")


def test_the_summary_shows_that_consumed_frames_are_counted_late_invalid_future_held_or_lost(
    capfd: pytest.CaptureFixture[str],
) -> None:
    tally = Tally(20, 7, 5, 4, 0, 3, {"late": 1, "not_json": 3, "future": 2})
    counter = counter_of(PartitionState(20, 20, T, T, T + 60, tally=tally))
    counter.resume()
    rows = summary(report_of(counter), capfd)
    assert rows["lost"] == ("0", "3")
    names = ("counted", "late", "invalid", "future", "held", "lost")
    assert int(rows["frames consumed"][1]) == sum(int(rows[name][1]) for name in names) == 20


LONG = BrokerError(
    "no broker answers at " + ",".join(f"broker-{number}.example.org:9092" for number in range(3)),
    why="broker-1.example.org:9092: Connect to ipv4#127.0.0.1:9092 failed: Connection refused\nshort",
    hint="start the broker, or set BOOTSTRAP_SERVERS to one that runs;\nwithout it a local broker is started",
)


SAY_ALL = """
from tests.terminal.test_console import LONG
from metrics.terminal.console import fail, say, warn
fail(LONG)
say("local broker: starting Kafka 4.3.1 (BOOTSTRAP_SERVERS=host:port takes a broker of your own) …")
warn("data/stream.jsonl partially sent: 17 acknowledged; python app.py prepare-topics --again feeds it all")
"""


def test_on_a_terminal_lines_are_wrapped_between_words() -> None:
    assert printed_on_a_terminal(SAY_ALL).splitlines() == [
        "error: no broker answers at",
        "     broker-0.example.org:9092,broker-1.example.org:9092,broker-2.example.org:9092",
        "why: broker-1.example.org:9092: Connect to ipv4#127.0.0.1:9092 failed:",
        "     Connection refused",
        "     short",
        "hint: start the broker, or set BOOTSTRAP_SERVERS to one that runs;",
        "     without it a local broker is started",
        "local broker: starting Kafka 4.3.1 (BOOTSTRAP_SERVERS=host:port takes a broker",
        "     of your own) …",
        "warning: data/stream.jsonl partially sent: 17 acknowledged; python app.py",
        "     prepare-topics --again feeds it all",
    ]


INTERRUPT = """
import os, signal, typer
from metrics.cli.reporting import reporting
from metrics.terminal import logs
logs.log_lines("INFO")

@reporting
def stop():
    os.write(1, b"^C")  # as the terminal does
    os.kill(os.getpid(), signal.SIGINT)

try:
    stop()
except typer.Exit:
    pass
"""


def test_what_is_said_after_ctrl_c_is_not_glued_to_its_echo() -> None:
    assert printed_on_a_terminal(INTERRUPT) == "^C\r\nwarning: stopped by Ctrl-C\r\n"


def test_in_a_pipe_no_line_is_wrapped(capfd: pytest.CaptureFixture[str]) -> None:
    console.fail(LONG)
    console.say("x " * 200)
    printed = capfd.readouterr()
    assert printed.err == f"error: {LONG}\n"
    assert printed.out == "x " * 200 + "\n"


def test_a_process_can_end_at_once_even_after_its_terminal_is_gone() -> None:
    code = (
        "import logging; from metrics.terminal import console, logs, streams; streams.take_over(); "
        "logs.log_lines('INFO'); console.out._force_terminal = True; "
        "logging.getLogger('metrics').warning('aborted; so it goes'); console.end_at_once(130)"
    )
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-c", code],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
            timeout=20,
            check=False,
        )
    assert finished.returncode == 130
    assert finished.stderr == "warning: aborted; so it goes\n"


def test_the_summary_in_the_readme_has_rows_of_a_run_in_their_order() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    _, _, rest = readme.partition("this run  all runs\n")
    rows = [line.split("  ")[0] for line in rest.partition("```")[0].splitlines() if "  " in line]
    names = [name for name, _ in Figures(Tally(), published=(0, 0)).named()]
    assert rows == [name for name in names if name in rows]
    assert len(rows) > 3
