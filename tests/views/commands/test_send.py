"""`views send`: into the topic, and through the API."""

import gzip
import inspect
import lzma
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from metrics.views.commands import generate, send
from metrics.views.commands.event_file import EVENT_FILE
from metrics.views.settings import ViewsSettings
from metrics.views.taking.sending import ApiSender
from metrics.wording.errors import BrokerError, FileError, MetricsError, SettingsError
from tests.kafka.application import Application, finish, wait_until
from tests.views.web.taken import line, serving, settings_of, stored

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
    "": bytes,
}


@pytest.fixture
def settings(bootstrap_servers: str) -> ViewsSettings:
    """Give settings with topics of their own, which exist."""
    settings = settings_of(bootstrap_servers)
    application(settings).run("topics", "create", settings.views_topic, settings.views_rejected_topic)
    return settings


def application(settings: ViewsSettings, **variables: str) -> Application:
    topics = {"VIEWS_TOPIC": settings.views_topic, "VIEWS_REJECTED_TOPIC": settings.views_rejected_topic}
    return Application(settings.bootstrap_servers or "", topics | variables)


def values(settings: ViewsSettings) -> Counter[bytes]:
    return Counter(record.value for record in stored(settings, settings.views_topic))


def test_files_are_sent_into_the_topic_with_a_summary(settings: ViewsSettings, tmp_path: Path) -> None:
    first, second = [line(f"a {number}") for number in range(1500)], [line("b")]
    one, other = tmp_path / "one.jsonl.xz", tmp_path / "other.jsonl"
    one.write_bytes(lzma.compress(b'{"EventId":"x"}\n' + b"\r\n".join(first)))
    other.write_bytes(b"\n".join([*second, b"[]"]))
    said = application(settings).run("views", "send", one, other)
    assert said.splitlines()[1:] == [
        "outcome              lines",
        "accepted             1,501",
        "rejected                 2",
        "  missing MediaId        1",
        "  missing UserId         1",
        "  missing Timestamp      1",
        "  missing DateTime       1",
        "  missing EventType      1",
        "  not an object          1",
        "",
        "line" + " " * len(str(one)) + "error",
        f"{one}:1  Missing MediaId; Missing UserId; Missing Timestamp; Missing DateTime; Missing EventType",
        f"{other}:2   The event must be an object, not an array",
    ]
    assert values(settings) == Counter(first + second)
    headers = [record.headers for record in stored(settings, settings.views_rejected_topic)]
    assert [at["line"] for at in headers] == [b"1", b"2"]


def test_lines_of_a_pipe_are_sent_as_they_arrive_and_ctrl_c_says_what_was_taken(settings: ViewsSettings) -> None:
    process = application(settings).start("views", "send", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(line("pipe").decode() + "\n")
    process.stdin.flush()
    wait_until(lambda: values(settings).total() == 1, "it is in the topic")
    process.send_signal(signal.SIGINT)
    said = finish(process, 128 + signal.SIGINT)
    assert "warning: standard input: interrupted; 1 accepted, 0 rejected; to be safe, send the same again" in said


def test_lines_none_of_which_is_valid_are_an_error_that_says_where_all_are(
    settings: ViewsSettings, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_bytes(b"[]\n" * 7)
    said = application(settings).run("views", "send", tmp_path / "wrong", exit_code=11)
    assert "error: no line is a view event" in said
    where = f"{settings.views_rejected_topic} on {settings.bootstrap_servers}"
    assert f"\nand 2 more rejected lines, all in {where}\nto read them: docs/operations.md#rejected-lines" in said


def test_a_file_without_lines_is_only_reported(settings: ViewsSettings, tmp_path: Path, api: str) -> None:
    empty, packed, full = tmp_path / "empty.jsonl", tmp_path / "empty.jsonl.gz", tmp_path / "full.jsonl"
    empty.touch()
    packed.write_bytes(gzip.compress(b""))
    full.write_bytes(line("a"))
    views = application(settings, API_TOKEN="secret")
    assert views.run("views", "send", empty) == f"nothing was sent\nwarning: {empty} has no lines\n"
    said = views.run("views", "send", empty, full, packed, "--to", api)
    assert "accepted      1\n" in said
    assert said.endswith(f"warning: {empty} has no lines\nwarning: {packed} has no lines\n")
    process = views.start("views", "send", "-", "--to", api, stdin=subprocess.DEVNULL)
    assert finish(process) == "nothing was sent\nwarning: standard input has no lines\n"


def test_a_truncated_file_is_an_error_after_what_was_taken(settings: ViewsSettings, tmp_path: Path) -> None:
    packed = gzip.compress(b"\n".join(line(str(number), Note=f"{number:0200}") for number in range(9000)))
    (tmp_path / "cut.gz").write_bytes(packed[:-100])
    said = application(settings).run("views", "send", tmp_path / "cut.gz", exit_code=3)
    taken = values(settings).total()
    assert f"accepted  {taken:,}\n" in said
    assert 0 < taken < 9000


@pytest.fixture
def api(settings: ViewsSettings) -> Iterator[str]:
    with serving(settings, token="secret") as server:
        yield f"http://127.0.0.1:{server.port}"


def test_files_are_sent_to_the_api_packed_or_not(settings: ViewsSettings, tmp_path: Path, api: str) -> None:
    files, sent = [], Counter[bytes]()
    for suffix, pack in PACK.items():
        lines = [line(f"{suffix} {number}") for number in range(1000)]
        files.append(tmp_path / f"events{suffix}")
        files[-1].write_bytes(pack(b"\n".join(lines)))
        sent.update(lines)
    said = application(settings, API_TOKEN="secret").run("views", "send", *files, "--to", api)
    assert "accepted  4,000\n" in said
    assert "secret" not in said
    assert values(settings) == sent


def test_the_api_reports_a_truncated_file_as_it_would_be_reported_here(
    settings: ViewsSettings, tmp_path: Path, api: str
) -> None:
    packed = zstandard.compress(b"\n".join(line(str(number), Note=f"{number:0200}") for number in range(9000)))
    (tmp_path / "cut.zst").write_bytes(packed[:-100])
    said = application(settings, API_TOKEN="secret").run(
        "views", "send", tmp_path / "cut.zst", "--to", api, exit_code=3
    )
    assert f"accepted  {values(settings).total():,}\n" in said
    assert "why: the body ends before its compressed data does" in said


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        ("ftp://127.0.0.1", SettingsError, "--to is not an address"),
        ("127.0.0.1:6066", SettingsError, "--to is not an address"),
        ("http://me:secret@127.0.0.1", SettingsError, "--to must be without a login"),
        ("http://127.0.0.1:1", BrokerError, "the API at http://127.0.0.1:1/views/events cannot be reached"),
    ],
)
def test_an_address_without_an_api_is_an_error(
    tmp_path: Path, address: str, error: type[MetricsError], said: str
) -> None:
    (tmp_path / "events").write_bytes(line("a"))
    with pytest.raises(error) as raised:
        ApiSender(ViewsSettings(), address).send(tmp_path / "events", lambda _: None)
    assert raised.value.what == said
    assert "secret" not in str(raised.value)


def test_a_wrong_token_is_an_error_in_words(api: str, tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(line("a"))
    with pytest.raises(SettingsError) as raised:
        ApiSender(ViewsSettings(api_token="wrong"), f"{api}/").send(tmp_path / "events", lambda _: None)
    assert str(raised.value) == (
        f"the API at {api}/views/events takes no events\n"
        "why: it answers 401 Unauthorized: send the token as Authorization: Bearer …\n"
        "hint: set API_TOKEN to the token of the server"
    )


def test_without_a_name_the_file_is_sent_that_generate_writes(
    settings: ViewsSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inspect.signature(generate.generate).parameters["file"].default == EVENT_FILE
    file = tmp_path / EVENT_FILE.name
    monkeypatch.setattr(send, "EVENT_FILE", file)
    for name, value in application(settings).environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(FileError) as missing:
        send.send()
    assert missing.value.hint == "name an existing file, or generate one: python app.py views generate"
    generate.generate(file, count=100)
    send.send()
    assert values(settings).total() > 90
