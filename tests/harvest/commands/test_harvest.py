"""`harvest` and the commands that show its runs, as their user runs them, over local streams."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import repeat
from pathlib import Path

import pytest

from metrics.harvest.simulator.faults import Answer, Faults
from metrics.harvest.simulator.server import Endpoint
from tests.harvest.web.serving import START_US, Sent, message, record

PROJECT = Path(__file__).parents[3]
COMMAND = [sys.executable, str(PROJECT / "app.py"), "harvest"]
PASSWORD = "hunter2-swordfish"
SOON_S = (0.01, 0.02)  # between messages

Serve = Callable[..., Endpoint]


def environment(folder: Path, endpoint: Endpoint | None = None) -> dict[str, str]:
    """Return an environment without settings, apart from the folder and the endpoint."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    streams = {"STREAM_ENDPOINT": endpoint.url, "STREAM_PASSWORD": PASSWORD} if endpoint else {}
    return kept | streams | {"HARVEST_DIR": str(folder)}


def run(*arguments: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of harvest."""
    return subprocess.run(
        [*COMMAND, *arguments], env=variables, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def local(serve_streams: Serve) -> Endpoint:
    return serve_streams(seed=7, gap_s=SOON_S, password=PASSWORD)


def runs_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "archive").iterdir())


def test_without_any_settings_it_reads_local_streams_and_writes_every_file_of_the_run(tmp_path: Path) -> None:
    ended = run("--seconds", "2", variables=environment(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    (name,) = runs_in(tmp_path)
    assert re.fullmatch(r"[0-9]{8}_[0-9]{6}", name)
    assert f"run {name} stopped after 2.000 s: time is up\nSytac was seen " in ended.stdout
    assert [*(tmp_path / "raw").iterdir()] == []
    lines = (tmp_path / f"report/exec_report_{name}.txt").read_text().splitlines()
    assert lines[0] == f"EXECUTION TIME FOR RUN {name} "
    for stream, line in zip(("sytflix", "sytazon", "sysney"), lines[1:], strict=True):
        seconds = re.fullmatch(rf"{stream} was listened for ([0-9.]+) seconds\. ", line)
        assert seconds, line
        assert 1 < float(seconds[1]) <= 2
    with (tmp_path / f"processed/processed_{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    report = json.loads((tmp_path / f"report/report_{name}.json").read_text())
    assert len(rows) == report["events"] == sum(len(user["events"]) for user in report["reports"]["users"])


def test_local_streams_are_read_without_the_proxy_of_the_environment(tmp_path: Path) -> None:
    variables = environment(tmp_path) | {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    ended = run("--seconds", "2", "--name", "Nobody", variables=variables)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_its_json_is_the_report_alone(local: Endpoint, tmp_path: Path) -> None:
    ended = run("--seconds", "1", "--name", "Nobody", "--json", variables=environment(tmp_path, local))
    assert ended.returncode == 0
    (name,) = runs_in(tmp_path)
    printed = json.loads(ended.stdout)
    assert printed == json.loads((tmp_path / f"report/report_{name}.json").read_text())
    assert (printed["stopped_by"], printed["seconds"], printed["name"], printed["times"]) == ("time", 1, "Nobody", 3)
    assert printed["events"] > 50


def test_a_name_stops_it_before_the_time(local: Endpoint, tmp_path: Path) -> None:
    variables = environment(tmp_path, local) | {"HARVEST_SECONDS": "100", "HARVEST_NAME": "Sytac", "HARVEST_TIMES": "9"}
    ended = run("--times", "2", variables=variables)
    assert ended.returncode == 0
    assert ": Sytac was seen 2 times\nstream " in ended.stdout
    (name,) = runs_in(tmp_path)
    with (tmp_path / f"processed/processed_{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert [row["user.first_name"] for row in rows].count("Sytac") == 2
    newest = max(row["received_at"] for row in rows)  # events of one chunk have the same time
    assert "Sytac" in [row["user.first_name"] for row in rows if row["received_at"] == newest]


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_stops_it_and_the_report_is_written(
    local: Endpoint, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    with subprocess.Popen(
        [*COMMAND, "--seconds", "3600", "--name", "Nobody"],
        env=environment(tmp_path, local),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("reading sytflix, sytazon and sysney for 3600 s")
        while not [*tmp_path.glob("raw/*/sysney-1.sse")]:
            assert process.poll() is None
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (exit_code, "")
    (name,) = runs_in(tmp_path)
    assert f"run {name} stopped after " in output
    assert ": interrupted (Ctrl-C, SIGTERM or SIGHUP)\nNobody was seen 0 of 3 times\n" in output
    assert json.loads((tmp_path / f"report/report_{name}.json").read_text())["stopped_by"] == "signal"


def test_a_stream_that_refuses_is_named_with_why_and_a_hint_and_the_others_are_reported(
    serve_streams: Serve, tmp_path: Path
) -> None:
    endpoint = serve_streams(seed=7, gap_s=SOON_S, password=PASSWORD, faults={"sysney": Faults(script=[Answer(401)])})
    ended = run("--seconds", "1", "--name", "Nobody", variables=environment(tmp_path, endpoint))
    assert ended.returncode == 9
    assert ended.stderr.endswith(
        "error: sysney refuses the user sytac (401)\n"
        "why: it was refused when the run stopped; the report has all that was received\n"
        "hint: check STREAM_USER and STREAM_PASSWORD\n"
    )
    (name,) = runs_in(tmp_path)
    streams = json.loads((tmp_path / f"report/report_{name}.json").read_text())["streams"]
    assert [(stream["outcome"], stream["status"]) for stream in streams] == [
        ("read", None),
        ("read", None),
        ("refused", 401),
    ]
    assert streams[0]["events"] > 0
    shown = run("report", variables=environment(tmp_path)).stdout
    assert "sysney was refused: refuses the user sytac (401)\n" in shown


def test_streams_that_fail_in_different_ways_are_named_one_by_one(serve_streams: Serve, tmp_path: Path) -> None:
    scripts = {"sytflix": Answer(404), "sytazon": Answer(503), "sysney": Answer(401)}
    faults = {stream: Faults(script=repeat(answer)) for stream, answer in scripts.items()}
    endpoint = serve_streams(password=PASSWORD, faults=faults)
    ended = run("--seconds", "0.5", variables=environment(tmp_path, endpoint))
    assert ended.returncode == 9
    assert ended.stderr.endswith(
        "error: 3 of 3 streams were away or refused when the run stopped; the report has all that was received\n"
        "why: sytflix does not exist at this address (404)\n"
        "     sytazon is unavailable (503)\n"
        "     sysney refuses the user sytac (401)\n"
        f"hint: check STREAM_ENDPOINT ({endpoint.url})\n"
        f"     check STREAM_ENDPOINT ({endpoint.url}) and the network\n"
        "     check STREAM_USER and STREAM_PASSWORD\n"
    )


def test_a_run_whose_output_is_closed_is_reported_in_its_files(local: Endpoint, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*COMMAND, "--seconds", "1"],
        env=environment(tmp_path, local),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")
    assert len(runs_in(tmp_path)) == 1


def test_a_wrong_password_ends_it_at_once_and_is_shown_nowhere(local: Endpoint, tmp_path: Path) -> None:
    variables = environment(tmp_path, local) | {"STREAM_PASSWORD": "not-" + PASSWORD, "LOG_LEVEL": "debug"}
    ended = run("--seconds", "3600", variables=variables)
    assert ended.returncode == 9
    assert ": no stream was left\n" in ended.stdout
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert PASSWORD not in ended.stdout + ended.stderr + written.decode()


def test_a_second_harvest_of_the_folder_is_refused_while_one_runs(local: Endpoint, tmp_path: Path) -> None:
    variables = environment(tmp_path, local)
    with subprocess.Popen(
        [*COMMAND, "--seconds", "3600", "--name", "Nobody"], env=variables, stdout=subprocess.DEVNULL
    ) as first:
        while not [*tmp_path.glob("raw/*/journal.jsonl")]:
            assert first.poll() is None
        second = run("--seconds", "1", variables=variables)
        listed = run("runs", variables=variables)
        first.send_signal(signal.SIGTERM)
    assert first.returncode == 143
    assert (second.returncode, second.stdout) == (8, "")
    assert second.stderr.startswith(f"error: another harvest runs in {tmp_path}\nwhy: ")
    assert (listed.returncode, listed.stdout) == (0, "no runs yet: python app.py harvest starts one\n")
    assert re.fullmatch(r"run \w+ is still running, or was killed: then the next harvest finishes it\n", listed.stderr)


def test_a_killed_run_is_finished_by_the_next_one_which_says_so(local: Endpoint, tmp_path: Path) -> None:
    variables = environment(tmp_path, local)
    with subprocess.Popen(
        [*COMMAND, "--seconds", "3600", "--name", "Nobody"], env=variables, stdout=subprocess.DEVNULL
    ) as first:
        while not any(path.stat().st_size > 5_000 for path in tmp_path.glob("raw/*/sytflix-1.sse")):
            assert first.poll() is None
        first.kill()
    (killed,) = (path.name for path in (tmp_path / "raw").iterdir())
    ended = run("--seconds", "1", variables=variables)
    assert ended.returncode == 0
    assert f"run {killed} has no report (was it killed?): finishing it" in ended.stderr
    assert len(runs_in(tmp_path)) == 2
    report = json.loads((tmp_path / f"report/report_{killed}.json").read_text())
    assert (report["stopped_by"], report["events"] > 0) == ("killed", True)
    assert f"run {killed} is finished: {report['events']:,} event" in ended.stderr
    shown = run("report", killed, variables=variables).stdout
    assert f"run {killed} stopped after " in shown.splitlines()[0]
    assert shown.splitlines()[0].endswith(" s: not by itself (killed, or an error such as a full disk)")


def test_a_signal_while_earlier_runs_are_finished_stops_it_before_its_run(tmp_path: Path) -> None:
    first, second = (tmp_path / "raw" / name / "journal.jsonl" for name in ("20231207_170121", "20231207_170122"))
    for journal in (first, second):
        journal.parent.mkdir(parents=True)
        (journal.parent / "sytflix-1.sse").write_bytes(b"data:1\n\n")
    os.mkfifo(first)
    with subprocess.Popen(
        [*COMMAND, "--seconds", "3600"], env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    ) as process:
        with first.open("wb") as looked_at:
            first.unlink()
            os.mkfifo(first)  # a new one, so that the first reader, slow to close, is not taken for the second
            looked_at.write(b"damaged\n")
        with first.open("wb") as read:
            process.send_signal(signal.SIGINT)
            while "ShdPnd:\t0000000000000000" not in Path(f"/proc/{process.pid}/status").read_text():
                assert process.poll() is None
            read.write(b"damaged\n")
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"\nwarning: run {first.parent.name} is skipped: {first} is damaged" in errors
    assert errors.endswith("warning: stopped before the run began; the next harvest finishes 1 run\n")
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == [first.parent.name, second.parent.name]


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--seconds", "0"], {}, "0.1"),
        (["--seconds", "nan"], {}, "86400"),
        (["--name", ""], {}, "text in UTF-8, not empty"),
        (["--name", "a\udcff"], {}, "text in UTF-8, not empty"),
        ([], {"HARVEST_NAME": "a\udcff"}, r"HARVEST_NAME='a\udcff': must be text in UTF-8"),
        ([], {"HARVEST_SECONDS": "0.09"}, "HARVEST_SECONDS='0.09': must be a number, 0.1 to 86400"),
        ([], {"HARVEST_TIMES": "0"}, "HARVEST_TIMES='0': must be"),
        ([], {"STREAM_ENDPOINT": "http://localhost:8080/"}, "STREAM_PASSWORD is unset"),
        ([], {"STREAM_ENDPOINT": f"http://sytac:{PASSWORD}@localhost/"}, "STREAM_ENDPOINT='***@localhost/'"),
        (["report", "--json", "--csv"], {}, "contradict"),
    ],
)
def test_a_wrong_setting_or_option_is_named_with_exit_code_2(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], words: str
) -> None:
    ended = run(*arguments, variables=environment(tmp_path) | variables)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert PASSWORD not in ended.stderr
    assert [*tmp_path.iterdir()] == []


def test_reports_runs_and_replays_show_the_runs_in_the_folder(local: Endpoint, tmp_path: Path) -> None:
    variables = environment(tmp_path, local)
    for times in ("1", "2"):
        assert run("--times", times, variables=variables).returncode == 0
    first, second = (json.loads(line) for line in run("runs", "--json", variables=variables).stdout.splitlines()[::-1])
    table = run("runs", variables=variables).stdout.splitlines()
    assert [line.split()[0] for line in table[1:]] == [second["run"], first["run"]]
    processed = [(tmp_path / f"processed/processed_{each['run']}.csv").read_text() for each in (first, second)]
    newest = run("report", "latest", "--csv", variables=variables)
    assert newest.stdout == processed[1].replace("\r\n", "\n")
    replayed = subprocess.run(
        [*COMMAND, "replay", str(tmp_path / "archive" / first["run"])],
        env=variables,
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert replayed.stdout == (tmp_path / f"processed/processed_{first['run']}.csv").read_bytes()
    assert replayed.stderr.decode().startswith(f"run {first['run']}: {first['events']} event")
    header, *rows = csv.reader(io.StringIO(run("report", "all", "--csv", variables=variables).stdout, newline=""))
    assert header[:3] == ["run", "id", "event"]
    assert Counter(row[0] for row in rows) == {each["run"]: each["events"] for each in (first, second)}
    answers = json.loads(run("report", "all", "--json", variables=variables).stdout)
    assert sum(len(user["events"]) for user in answers["users"]) == first["events"] + second["events"]
    text = run("report", first["run"], variables=variables).stdout
    assert f"run {first['run']} stopped after" in text
    assert "events: " in text


def test_a_damaged_report_is_a_warning_that_names_it_and_the_other_runs_are_shown(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    whole, broken = (record(tmp_path, [], started_us=START_US + number).run for number in (0, 1_000_000))
    path = tmp_path / "report" / f"report_{broken}.json"
    path.write_bytes(path.read_bytes()[:-9])
    warning = f"warning: run {broken} is left out: {path} is damaged\nwhy: "
    for arguments in (["runs"], ["runs", "--json"], ["report"], ["report", "--csv"], ["report", "all"]):
        shown = run(*arguments, variables=variables)
        assert shown.returncode == 0
        assert shown.stderr.startswith(warning)
        assert "hint: remove it, and the next harvest writes it again" in shown.stderr
        assert broken not in shown.stdout
    assert json.loads(run("report", "--json", variables=variables).stdout)["run"] == whole
    (tmp_path / "report" / f"report_{whole}.json").write_bytes(b"")
    listed = run("runs", variables=variables)
    assert (listed.returncode, listed.stdout, listed.stderr.count("is left out")) == (0, "", 2)
    alone = run("report", variables=variables)
    assert (alone.returncode, alone.stdout) == (3, "")


def test_no_name_breaks_a_row_of_a_table_or_widens_the_others(tmp_path: Path) -> None:
    values = {"last_name": "Ea\ndon", "platform": "P\u2028" + "x" * 300, "country": "N\nL", "title": "T\n" + "y" * 300}
    frames = [
        Sent("sytflix", "1", "stream-started", message(9, "s1", "17:01:22.000", **values)),
        Sent("sytazon", "2", "stream-started", message(9, "s1", "17:01:22.100", **values | {"platform": "Other"})),
        Sent("sytazon", "3", "e\tx" + "z" * 300, message(9, "s1", "17:01:22.200", **values)),
    ]
    path = tmp_path / "report" / f"report_{record(tmp_path, frames).run}.json"
    path.write_bytes(path.read_bytes().replace(b'"Sytac"', b'"Sy\\ntac' + b"w" * 300 + b'"'))
    lines = run("report", variables=environment(tmp_path)).stdout.splitlines()
    (row,) = (line for line in lines if line.lstrip().startswith("9 "))
    assert row.split() == [
        "9",
        "Herculie",
        r"Ea\ndon",
        "39",
        "3",
        "0",
        r"P\u2028" + "x" * 53 + "…",
        "07-12-2023",
        "17:01:22.200",
        r"e\tx" + "z" * 56 + "…",
        r"T\n" + "y" * 57 + "…",
    ]
    (country,) = (line for line in lines if line.startswith(r"N\nL "))
    assert country.split()[1:] == ["1"]
    assert r"Sy\ntac" + "w" * 53 + "… was seen 0 of 3 times" in lines
    _, listed = run("runs", variables=environment(tmp_path)).stdout.splitlines()
    assert r"  Sy\ntac" + "w" * 53 + "… 0 of 3  " in listed


def test_no_run_is_left_out_of_the_answers_for_all_runs_for_its_events(tmp_path: Path) -> None:
    first = record(tmp_path, []).run
    record(tmp_path, [], started_us=START_US + 1_000_000)
    processed = tmp_path / "processed" / f"processed_{first}.csv"
    processed.unlink()
    for options in ([], ["--json"]):
        shown = run("report", "all", *options, variables=environment(tmp_path))
        assert (shown.returncode, shown.stdout) == (3, "")
        assert shown.stderr.startswith(f"error: {processed} cannot be read\n")


@pytest.mark.parametrize("arguments", [["report"], ["report", "all"], ["report", "20231207_170121"]])
def test_without_a_run_a_report_is_an_error_with_a_hint(tmp_path: Path, arguments: list[str]) -> None:
    ended = run(*arguments, variables=environment(tmp_path))
    assert ended.returncode == 3
    assert ended.stderr.startswith("error: there is no run")
    assert "hint: " in ended.stderr


def test_a_folder_without_a_run_cannot_be_replayed(tmp_path: Path) -> None:
    ended = run("replay", str(tmp_path), variables=environment(tmp_path))
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"error: {tmp_path} is not a folder with the raw files of a run\n")
    assert "hint: " in ended.stderr
