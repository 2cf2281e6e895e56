"""The command line without a broker: what it teaches, and how it refuses."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from metrics.application.command_line import Application
from metrics.settings import declared, listing
from metrics.wording.errors import MetricsError, UnavailableError

PROJECT = Path(__file__).resolve().parents[1]


def run(*arguments: str | Path, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "BOOTSTRAP_SERVERS"}
    started_s = time.monotonic()
    finished = subprocess.run(
        [sys.executable, PROJECT / "app.py", *arguments],
        env=clean | {"COLUMNS": "200"} | variables,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert time.monotonic() - started_s < 15
    assert "Traceback" not in finished.stderr
    assert "\x1b" not in finished.stdout + finished.stderr
    return finished


def refused(exit_code: int, *arguments: str | Path, **variables: str) -> str:
    """Run the application, see that it refuses with an exit code, and return what it said."""
    finished = run(*arguments, **variables)
    assert finished.returncode == exit_code, finished
    return finished.stderr


def test_help_teaches_every_command_and_setting() -> None:
    text = re.sub(r"\s+", " ", run("--help").stdout)
    for row in listing.rows(Application.settings):
        assert row.variable in text
        allowed = f"Allowed: {row.allowed}." if row.allowed != declared.ANY_TEXT else ""
        assert f"{row.variable} ({row.default}): {row.meaning.replace('`', '')} {allowed}".strip() in text
    assert declared.ANY_TEXT not in text
    for command in (*Application.modules, "--verbose", "--until-end"):
        assert command in text
    for option in ("--verbose", "--until-end"):
        assert option in text
    assert "Example:" in text


BELOW_TOPICS = (["topics", "list"], ["topics", "create"], ["topics", "delete"])


@pytest.mark.parametrize("command", [[], *([name] for name in Application.modules), *BELOW_TOPICS])
def test_every_help_fits_80_columns_has_an_example_and_no_type_of_python(command: list[str]) -> None:
    text = run(*command, "-h", COLUMNS="80").stdout
    assert max(map(len, text.splitlines())) == 80
    example = f"python app.py {' '.join(command)}".removesuffix(" list")
    assert re.search(rf"Example:.* {example}", re.sub(r"\s+", " ", text))
    assert re.search(r"--help +-h +Show this message and exit", text)
    assert not re.search(r"<\w|bool|list\[", text)


@pytest.mark.parametrize("command", ["catalogue load", "catalogue query", "results", "verify"])
def test_a_narrow_terminal_cuts_no_name_of_an_option(command: str) -> None:
    wide, narrow = (run(*command.split(), "-h", COLUMNS=columns).stdout for columns in ("200", "50"))
    assert set(re.findall(r"--[a-z-]+", wide)) <= set(re.findall(r"--[a-z-]+", narrow))
    assert max(map(len, narrow.splitlines())) <= 50


def test_a_command_imports_what_it_needs_and_nothing_of_the_others() -> None:
    modules = (
        "metrics.frames.commands.verify",
        "metrics.frames.verify.recount.windows",
        "metrics.frames.commands.feeding",
        "metrics.kafka.local_broker",
    )
    script = f"import sys, metrics.application.command_line; print(*(name in sys.modules for name in {modules}))"
    finished = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert finished.stdout == "False False False False\n"


def test_a_misspelt_command_gets_a_suggestion() -> None:
    finished = run("statu")
    assert finished.returncode == 2
    assert "Did you mean 'status'?" in finished.stderr


def test_bash_completes_commands_and_options() -> None:
    script = """
        export PATH="$1:$PATH"
        eval "$(./app.py --show-completion)"
        complete=$(complete -p app.py)
        function=${complete#* -F }
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "${function% *}" ./app.py; echo "${COMPREPLY[@]}"; }
        ask ./app.py gen
        ask ./app.py verify --fr
    """
    command = ["bash", "-c", script, "bash", str(Path(sys.executable).parent)]
    finished = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert finished.stdout == "generate\n--from\n", finished


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("LATENESS", "did you mean LATENESS_S?\n"),
        ("lateness_s", "did you mean LATENESS_S? Names are upper case\n"),
    ],
)
def test_a_variable_that_resembles_a_setting_causes_a_warning(variable: str, said: str) -> None:
    warned = run("count", "-", **{variable: "10"}).stderr
    assert f"warning: {variable} is set, but is not a setting: {said}" in warned


def test_arguments_that_are_not_a_subcommand_of_topics_are_passed_to_its_list() -> None:
    for arguments in (["topics"], ["topics", "frames"], ["topics", "--all", "--json"], ["topics", "list", "delete"]):
        assert "no broker answers" in refused(4, *arguments, BOOTSTRAP_SERVERS="127.0.0.1:1")


@pytest.mark.parametrize("config", [["nonsense"], ["=1"], ["retention.ms=1", "retention.ms=2"]])
def test_an_invalid_setting_of_a_topic_is_refused(config: list[str]) -> None:
    options = [part for text in config for part in ("--config", text)]
    said = refused(2, "topics", "create", "trial", *options, BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert f"--config {config[0]}" in said or "--config gives retention.ms two values" in said


def test_every_kind_of_error_has_an_exit_code_of_its_own() -> None:
    # Of UnavailableError only the kinds are raised
    kinds = {*MetricsError.__subclasses__(), *UnavailableError.__subclasses__()} - {UnavailableError}
    codes = [kind.exit_code for kind in kinds if kind.__module__ == MetricsError.__module__]
    assert len(codes) == len(set(codes))
    assert all(code > 1 for code in codes)


def test_an_unknown_host_is_an_error() -> None:
    said = refused(4, BOOTSTRAP_SERVERS="no-such-host.invalid:9092", BROKER_TIMEOUT_S="1")
    assert "no broker answers at no-such-host.invalid:9092" in said
    assert "resolve" in said
    assert "BOOTSTRAP_SERVERS" in said


@pytest.mark.parametrize("arguments", [[], ["status"], ["status", "--json"]])
def test_a_closed_port_is_an_error(arguments: list[str]) -> None:
    said = refused(4, *arguments, BOOTSTRAP_SERVERS="127.0.0.1:1", BROKER_TIMEOUT_S="1")
    assert "no broker answers at 127.0.0.1:1" in said
    assert "\nwhy: Connection refused\n" in said


def test_each_cause_is_reported_once() -> None:
    """The client reports each try; the texts differ in the time it took and the number of reports left out."""
    said = refused(4, BOOTSTRAP_SERVERS="127.0.0.1:1,127.0.0.1:2", BROKER_TIMEOUT_S="1")
    causes = said.partition("why: ")[2].partition("hint: ")[0].splitlines()
    assert sorted(cause.strip() for cause in causes) == [
        "127.0.0.1:1: Connection refused",
        "127.0.0.1:2: Connection refused",
    ]


@pytest.mark.parametrize("address", ["localhost:99999", "localhost:", "http://localhost:9092", "one:9092;two:9092"])
def test_an_invalid_address_is_refused_at_once(address: str) -> None:
    started_s = time.monotonic()
    said = refused(2, BOOTSTRAP_SERVERS=address)
    assert time.monotonic() - started_s < 5, "it waited for a broker"
    assert f"BOOTSTRAP_SERVERS={address!r}: must be host:port" in said


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    said = refused(3, "prepare-topics", tmp_path / "nothing.jsonl", BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert "nothing.jsonl" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rate", "10", "--realtime"], "--rate and --realtime contradict each other"),
        (["--speed", "60"], "add --realtime"),
        (["--rate", "0"], "invalid --rate 0"),
        (["--rate", "nan"], "invalid --rate nan"),
        (["--realtime", "--speed", "-1"], "invalid --speed -1"),
        (["-", "-"], "standard input is given twice"),
    ],
)
def test_an_invalid_pace_is_an_error(arguments: list[str], said: str) -> None:
    assert said in refused(2, "feed", *arguments, BOOTSTRAP_SERVERS="127.0.0.1:1")


def test_wrong_settings_are_one_error_that_names_each() -> None:
    said = refused(2, LATENESS_S="soon", PRINT_INTERVAL="0", INPUT_TOPIC="a b")
    for variable in ("LATENESS_S='soon'", "PRINT_INTERVAL='0'", "INPUT_TOPIC='a b'"):
        assert variable in said


def test_a_client_property_with_a_wrong_value_is_an_error() -> None:
    said = refused(2, BOOTSTRAP_SERVERS="127.0.0.1:1", KAFKA_SOCKET_TIMEOUT_MS="soon")
    assert "socket.timeout.ms" in said
    assert "KAFKA_SOCKET_TIMEOUT_MS" in said


def test_a_secret_never_reaches_the_output() -> None:
    variables = {"KAFKA_SASL_PASSWORD": "tr0ub4dor", "KAFKA_SECURITY_PROTOCOL": "tr0ub4dor-protocol"}
    finished = run(BOOTSTRAP_SERVERS="127.0.0.1:1", LATENESS_S="soon", **variables)
    assert "tr0ub4dor" not in (finished.stdout + finished.stderr).replace("tr0ub4dor-protocol", "")
    finished = run(BOOTSTRAP_SERVERS="127.0.0.1:1", **variables)
    assert finished.returncode == 2
    assert "security.protocol" in finished.stderr


def test_wrong_arguments_of_the_generator_raise_one_error(tmp_path: Path) -> None:
    said = refused(2, "generate", tmp_path / "x.jsonl", "--count", "0", "--rate", "-1")
    assert "count" in said
    assert "rate" in said
    assert not (tmp_path / "x.jsonl").exists()


def test_generate_writes_the_same_file_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        finished = run("generate", tmp_path / f"{name}.jsonl", "--count", "2000", "--seed", "4")
        assert "2,000 frames in" in finished.stdout
    run("generate", tmp_path / "c.jsonl", "--count", "2000", "--seed", "5")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.jsonl").read_bytes() != (tmp_path / "c.jsonl").read_bytes()
    assert len((tmp_path / "a.jsonl").read_bytes().splitlines()) == 2000


def interrupted(number: signal.Signals, imports: int) -> tuple[int, str]:
    """Send a signal once Python, the application being read, has imported a number of modules.

    Returns:
        The exit code that a shell sees, and what was said on standard error.
    """
    endless = ["generate", "/dev/null", "--count", "1000000000"]
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", PROJECT / "app.py", *endless],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        end = threading.Timer(20, process.kill)
        end.start()
        for line in process.stderr:
            if line.endswith(" site\n"):
                break  # what comes next, the application causes
        for _ in range(imports):
            process.stderr.readline()
        process.send_signal(number)
        said = [line for line in process.stderr if not line.startswith("import time:")]
        end.cancel()
    return process.returncode if process.returncode >= 0 else 128 - process.returncode, "".join(said)


@pytest.mark.parametrize(
    ("imports", "number"),
    [
        *itertools.product([*range(1, 20, 3), *range(20, 360, 20)], [signal.SIGINT, signal.SIGTERM]),
        *itertools.product([10, 100, 300], [signal.SIGHUP]),
    ],
)
def test_a_signal_ends_it_without_a_traceback_however_early(imports: int, number: signal.Signals) -> None:
    exit_code, said = interrupted(number, imports)
    assert exit_code == 128 + number
    assert said in ("", "warning: stopped by Ctrl-C\n")


def wait_until_ignored(pid: int, number: signal.Signals) -> None:
    """Wait until a process ignores a signal, according to Linux."""
    give_up_s = time.monotonic() + 10
    while True:
        status = Path(f"/proc/{pid}/status").read_text()
        [ignored] = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigIgn:")]
        if ignored >> (number - 1) & 1:
            return
        assert time.monotonic() < give_up_s
        time.sleep(0.01)


def test_ctrl_c_for_the_foreground_does_not_end_a_command_in_the_background(tmp_path: Path) -> None:
    """A shell starts what ends in `&` with SIGINT ignored."""
    process = subprocess.Popen(
        ["sh", "-c", f'trap "" INT; exec {sys.executable} {PROJECT}/app.py generate {tmp_path}/x.jsonl --count 20000'],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    wait_until_ignored(process.pid, signal.SIGINT)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    assert "wrote" in process.stdout.read()
    process.stdout.close()
    assert process.returncode == 0


def in_a_shell(command: str, folder: Path) -> tuple[int, str]:
    """Run a command in bash, with `app` for the application in it.

    Returns:
        The exit code of its first part, and what was said on standard error.
    """
    script = f'app() {{ {sys.executable} {PROJECT}/app.py "$@"; }}\n{command}\nexit ${{PIPESTATUS[0]}}'
    finished = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in finished.stderr
    assert "Exception ignored" not in finished.stderr
    return finished.returncode, finished.stderr


FULL = "error: standard output cannot be written\nwhy: No space left on device\nhint: make room, or send it elsewhere\n"
NOT_OPEN = """\
error: standard output cannot be written
why: it is closed (>&-)
hint: send it to a file or a pipe
"""


@pytest.mark.parametrize(
    ("command", "exit_code", "said"),
    [
        ("app --help | true", 141, ""),
        ("app generate --help | true", 141, ""),
        ("app generate x.jsonl --count 10 | true", 141, ""),
        ("app generate - --count 200 | head -1", 141, ""),
        ("app generate x.jsonl --count 10 2>&1 | true", 141, ""),
        ("app --help > /dev/full", 3, FULL),
        ("app generate x.jsonl --count 10 > /dev/full", 3, FULL),
        ("app generate x.jsonl --count 10 > /dev/full 2>&1", 3, ""),
        ("app generate - --count 10 > /dev/full", 3, FULL),
        ("app generate - --count 10 >&-", 3, NOT_OPEN),
        ("app results --seconds >&-", 3, NOT_OPEN),
        ("app generate x.jsonl --count 10 >&-", 0, ""),
        ("app generate x.jsonl --count 10 <&- >&- 2>&-", 0, ""),
        ("app generate x.jsonl --count 0 2> /dev/full", 2, ""),
        ("app generate x.jsonl --count 0 2>&-", 2, ""),
    ],
)
def test_a_failing_output_ends_a_command_with_an_exit_code_and_at_most_one_message(
    tmp_path: Path, command: str, exit_code: int, said: str
) -> None:
    assert in_a_shell(command, tmp_path) == (exit_code, said)


def test_a_file_is_complete_even_if_its_message_cannot_be_printed(tmp_path: Path) -> None:
    in_a_shell("app generate x.jsonl --count 10 | true", tmp_path)
    in_a_shell("app generate y.jsonl --count 10 <&- >&- 2>&-", tmp_path)
    assert len((tmp_path / "x.jsonl").read_bytes().splitlines()) == 10
    assert (tmp_path / "x.jsonl").read_bytes() == (tmp_path / "y.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        ("app --help", 0),
        ("app generate {}/x.jsonl --count 10", 0),
        ("app generate x.jsonl", 3),
        ("app prepare-topics x", 3),
        ("app serve --host 192.0.2.1", 2),
    ],
)
def test_a_deleted_working_folder_causes_no_traceback(tmp_path: Path, command: str, exit_code: int) -> None:
    (tmp_path / "gone").mkdir()
    gone = f"cd gone; rmdir ../gone; {command.format(tmp_path)}"
    assert in_a_shell(gone, tmp_path)[0] == exit_code


def test_a_working_folder_deleted_during_the_run_causes_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    os.mkfifo(tmp_path / "frames")
    started = f"cd gone; app generate {tmp_path}/frames --count 2000 & exec 3< ../frames; read -r first <&3"
    exit_code, frames = in_a_shell(f"{started}; rmdir ../gone; cat <&3 >&2; wait %1; exit $?", tmp_path)
    assert (exit_code, len(frames.splitlines())) == (0, 1_999)


def test_frames_written_to_standard_output_have_no_other_line_among_them() -> None:
    finished = run("generate", "/dev/stdout", "--count", "3")
    assert len(finished.stdout.splitlines()) == 3
    assert all(line.startswith("{") for line in finished.stdout.splitlines())
    assert "wrote /dev/stdout: 3 frames" in finished.stderr


def test_generate_writes_frames_to_standard_output_in_any_locale(tmp_path: Path) -> None:
    in_a_shell("app generate x.jsonl --count 300", tmp_path)
    in_a_shell("LC_ALL=C PYTHONIOENCODING=ascii app generate - --count 300 > y.jsonl", tmp_path)
    assert (tmp_path / "y.jsonl").read_bytes() == (tmp_path / "x.jsonl").read_bytes()
    assert not (tmp_path / "-").exists()
    assert "wrote to standard output: 3 frames" in run("generate", "-", "--count", "3").stderr


def test_an_option_of_frames_that_is_wrong_is_named_as_it_was_written() -> None:
    assert refused(2, "generate", "x.jsonl", "--count", "0", "--delay-s", "-1") == (
        "error: the frames cannot be generated\n"
        "why: --count 0: must be a whole number, 1 or more\n"
        "     --delay-s -1: must be a whole number, 0 or more\n"
        "hint: correct the options\n"
    )


@pytest.mark.parametrize("to", ["yesterday", "offset:", "offset:-1", "offset:1e3", "2016-13-01T00:00:00Z", ""])
def test_an_invalid_position_is_refused_before_a_broker_is_asked(to: str) -> None:
    said = refused(2, "reset-offsets", "--to", to, BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert f"invalid --to value '{to}'" in said
    assert "earliest, latest, offset:1200" in said


@pytest.mark.parametrize("command", ["results", "rejected list", "rejected replay", "verify", "views trend"])
def test_a_time_ago_begins_with_a_minus_and_is_not_taken_for_an_option(command: str) -> None:
    for times in (["--from", "-1h", "--to", "-2h"], ["--from=-1h", "--to=-2h"]):
        said = refused(2, *command.split(), *times, BOOTSTRAP_SERVERS="127.0.0.1:1")
        assert said.startswith("error: --from -1h is not before --to -2h\nhint: ")
    assert re.search(", -[1-9][hd], ", run(*command.split(), "--help").stdout)


@pytest.mark.parametrize("command", ["results", "rejected list", "rejected replay", "verify", "views trend"])
def test_last_is_a_range_by_itself(command: str) -> None:
    said = refused(2, *command.split(), "--last", "10m", "--from", "-1h", BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert said == (
        "error: --last and --from contradict each other\n"
        "why: --last 10m is a range by itself: it ends now\n"
        "hint: use one of them: --last 10m, or --from -10m --to now\n"
    )
    assert "invalid --last duration '10'" in refused(2, *command.split(), "--last", "10")


def test_events_end_at_a_time_ago(tmp_path: Path) -> None:
    begun_s = int(time.time())
    assert run("views", "generate", tmp_path / "v.jsonl", "--count", "1000", "--end", "-30d").returncode == 0
    times = re.findall(b'"Timestamp": ?([0-9]{10})[,}]', (tmp_path / "v.jsonl").read_bytes())
    newest_s = max(map(int, times))
    assert abs(newest_s - (begun_s - 30 * 86_400)) < 3_600


def logged(**variables: str) -> list[dict[str, str]]:
    """Return what the main job logs as JSON where no broker answers, but that it takes its time to find out."""
    away = {"BOOTSTRAP_SERVERS": "127.0.0.1:1", "BROKER_TIMEOUT_S": "1", "LOG_FORMAT": "json"}
    records = [json.loads(line) for line in refused(4, **(away | variables)).splitlines()]
    return [record for record in records if record["level"] != "info"]


def test_a_service_logs_as_json_and_nothing_else_goes_to_standard_error() -> None:
    warning, error = logged(LATENESS="10")
    assert (warning["level"], warning["logger"]) == ("warning", "metrics.cli.registry")
    assert warning["message"] == "LATENESS is set, but is not a setting: did you mean LATENESS_S?"
    assert (error["level"], error["logger"]) == ("error", "metrics.cli.reporting")
    assert error["message"] == "no broker answers at 127.0.0.1:1"
    assert error["why"] == "Connection refused"
    assert "BOOTSTRAP_SERVERS" in error["hint"]


def test_a_level_leaves_out_what_is_below_it() -> None:
    assert [record["level"] for record in logged(LATENESS="10", LOG_LEVEL="ERROR")] == ["error"]
    said = refused(4, BOOTSTRAP_SERVERS="127.0.0.1:1", BROKER_TIMEOUT_S="1", LATENESS="10", LOG_LEVEL="error")
    assert said.startswith("error: no broker answers at 127.0.0.1:1\nwhy: ")


def test_a_secret_is_in_no_record_of_any_level() -> None:
    secrets = {"KAFKA_SASL_PASSWORD": "tr0ub4dor", "API_TOKEN": "tr0ub4dor", "KAFKA_SSL_KEY_PASSWORD": "tr0ub4dor"}
    assert "tr0ub4dor" not in str(logged(LOG_LEVEL="debug", **secrets))


def test_wrong_settings_are_logged_as_json_too() -> None:
    [error] = [json.loads(line) for line in refused(2, LOG_FORMAT="json", LATENESS_S="soon").splitlines()]
    assert error["why"] == "LATENESS_S='soon': must be a whole number, 0 to 86400"


@pytest.mark.parametrize("arguments", [[], ["serve"]])
def test_a_wrong_log_format_is_refused(arguments: list[str]) -> None:
    said = refused(2, *arguments, LOG_FORMAT="yaml", BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert "LOG_FORMAT='yaml': must be text or json" in said


@pytest.mark.parametrize("service", Application.services)
def test_every_service_refuses_wrong_log_settings(service: str) -> None:
    said = refused(2, *service.split(), LOG_FORMAT="yaml", LOG_LEVEL="loud")
    assert "LOG_LEVEL='loud': must be " in said
    assert "LOG_FORMAT='yaml': must be " in said


@pytest.mark.parametrize("arguments", [[], ["serve"], ["status"]])
def test_wrong_log_settings_are_refused_together_with_all_other_wrong_settings(arguments: list[str]) -> None:
    wrong = {"METRICS_PORT": "abc", "LATENESS_S": "-1", "LOG_LEVEL": "loud", "LOG_FORMAT": "yaml"}
    said = refused(2, *arguments, **wrong)
    assert [name for name, value in wrong.items() if f"{name}='{value}': must be " not in said] == []
    assert said.count("error: ") == 1


def test_a_command_prints_the_messages_that_a_service_logs() -> None:
    said = refused(4, "status", BOOTSTRAP_SERVERS="127.0.0.1:1", LATENESS="10", LOG_FORMAT="json", LOG_LEVEL="error")
    assert said.startswith("warning: LATENESS is set, but is not a setting: did you mean LATENESS_S?\n")
    assert "\nerror: no broker answers at 127.0.0.1:1\nwhy: Connection refused\n" in said
