"""The journal of a run and its raw files, as they are written and read."""

from pathlib import Path

import pytest

from metrics.harvest.archive.folders import DamagedRunError
from metrics.harvest.archive.journal import JournalWriter, read_journal
from metrics.harvest.archive.raw import RawWriter
from metrics.harvest.core.journal import AnyEntry, Closed, Failed, Opened, Started, Stopped, Taken
from metrics.wording.errors import FileError
from tests.harvest.archive.disks import full_after

STARTED = Started(
    at_us=1_701_964_881_500_000, run="20231207_170121", seconds=20.0, name="Sytac", times=3, frame_limit_bytes=1 << 20
)
ENTRIES: list[AnyEntry] = [
    STARTED,
    Failed(at_us=1_701_964_881_600_000, stream="sysney", why="connection refused", is_final=False),
    Opened(at_us=1_701_964_881_700_000, stream="sytflix", connection=1, requested_us=1_701_964_881_500_100),
    Taken(at_us=1_701_964_881_800_000, stream="sytflix", connection=1),
    Closed(at_us=1_701_964_881_900_000, stream="sytflix", connection=1, why="“cut”\u2028"),
    Stopped(at_us=1_701_964_882_000_000, by="time"),
]
TEXT = (
    '{"kind":"started","at_us":1701964881500000,"run":"20231207_170121","seconds":20.0,"name":"Sytac","times":3,'
    '"frame_limit_bytes":1048576}\n'
    '{"kind":"failed","at_us":1701964881600000,"stream":"sysney","why":"connection refused","is_final":false}\n'
    '{"kind":"opened","at_us":1701964881700000,"stream":"sytflix","connection":1,"requested_us":1701964881500100}\n'
    '{"kind":"taken","at_us":1701964881800000,"stream":"sytflix","connection":1}\n'
    '{"kind":"closed","at_us":1701964881900000,"stream":"sytflix","connection":1,"why":"“cut”\u2028"}\n'
    '{"kind":"stopped","at_us":1701964882000000,"by":"time"}\n'
).encode()


def test_a_journal_is_json_lines_and_read_as_it_was_written(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as journal:
        journal.append(ENTRIES[:1])
        assert list(read_journal(tmp_path)) == ENTRIES[:1]
        journal.append([])
        journal.append(ENTRIES[1:])
    assert (tmp_path / "journal.jsonl").read_bytes() == TEXT
    assert list(read_journal(tmp_path)) == ENTRIES


def test_a_journal_cut_at_any_byte_is_the_lines_before(tmp_path: Path) -> None:
    for end in range(len(TEXT) + 1):
        (tmp_path / "journal.jsonl").write_bytes(TEXT[:end])
        assert list(read_journal(tmp_path)) == ENTRIES[: TEXT[:end].count(b"\n")]


def test_a_tail_of_zeros_after_a_power_loss_is_an_incomplete_line(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(TEXT + bytes(4096))
    assert list(read_journal(tmp_path)) == ENTRIES


LINES = TEXT.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([LINES[0], b"{}\n", LINES[1]], "line 2 is not an entry of a journal: Object missing required field `kind`"),
        ([LINES[0], b"\n"], "line 2 is not an entry"),
        ([LINES[0], b'{"kind":"taken","at_us":1,"stream":"\xff","connection":1}\n'], "line 2 is not an entry"),
        ([LINES[0], LINES[3].replace(b'"connection":1', b'"connection":"1"')], "line 2 is not an entry"),
        ([LINES[0], b"[" * 2_000_000], "line 2 is not an entry"),
        ([LINES[1]], "line 1 is not one that can follow"),
        ([LINES[0], LINES[0]], "line 2 is not one that can follow"),
        ([LINES[0], LINES[5], LINES[3]], "line 3 is not one that can follow"),
        ([LINES[0].replace(b'"at_us":17', b'"at_us":-17')], "line 1 is not an entry of a journal: Expected `int` >= 0"),
        ([LINES[0].replace(b'"at_us":17', b'"at_us":9999917')], "line 1 is not an entry of a journal: Expected `int`"),
        ([LINES[0], LINES[5].replace(b'"at_us":17', b'"at_us":9' + 5_000 * b"9")], "line 2 is not an entry"),
        ([LINES[0].replace(b":1048576", b":-5")], "line 1 is not an entry of a journal: Expected `int` >= 1"),
        ([LINES[0].replace(b":3,", b":0,")], "line 1 is not an entry of a journal: Expected `int` >= 1"),
        ([LINES[0].replace(b"20.0", b"-1.0")], "line 1 is not an entry of a journal: Expected `float` > 0"),
        ([LINES[0].replace(b"20.0", b"1e300")], "line 1 is not an entry of a journal: Expected `float` <= 86400"),
        ([LINES[0], LINES[2].replace(b'"connection":1', b'"connection":0')], "line 2 is not an entry"),
        ([LINES[0], LINES[2], LINES[1]], "line 3 has a time before that of the line before it"),
        ([LINES[0], LINES[2].replace(b"1500100", b"1499999")], "line 2 has a request before the start of the run"),
        ([LINES[0], LINES[2].replace(b"1500100", b"1700001")], "line 2 has a request after its answer"),
    ],
)
def test_a_journal_that_no_run_wrote_is_damaged(tmp_path: Path, lines: list[bytes], why: str) -> None:
    (tmp_path / "journal.jsonl").write_bytes(b"".join(lines))
    with pytest.raises(DamagedRunError, match=r"journal\.jsonl is damaged") as raised:
        list(read_journal(tmp_path))
    assert raised.value.why.startswith(why)
    assert f"move the folder {tmp_path} elsewhere" in raised.value.hint


def test_a_run_never_writes_over_the_files_of_another(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(TEXT)
    (tmp_path / "sytflix-1.sse").write_bytes(b"id:1\n\n")
    with pytest.raises(FileError, match=r"journal\.jsonl cannot be written"):
        JournalWriter(tmp_path)
    with pytest.raises(FileError, match=r"sytflix-1\.sse cannot be written"):
        RawWriter(tmp_path, "sytflix", 1)
    assert (tmp_path / "journal.jsonl").read_bytes() == TEXT


def test_raw_bytes_are_in_the_file_as_soon_as_they_are_written(tmp_path: Path) -> None:
    with RawWriter(tmp_path, "sysney", 12) as raw:
        file = tmp_path / "sysney-12.sse"
        raw.write(b"data:1\r\n\r\n")
        assert file.read_bytes() == b"data:1\r\n\r\n"
        raw.write(b"data:2")
        raw.truncate(9)
        raw.write(b"data:3\r\r")
        assert file.read_bytes() == b"data:1\r\n\rdata:3\r\r"
    raw.close()


def test_on_a_full_disk_a_write_leaves_nothing_and_the_journal_stays_whole(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as journal, RawWriter(tmp_path, "sytflix", 1) as raw:
        journal.append(ENTRIES[:1])
        raw.write(b"data:1\n\n")
        with full_after(len(LINES[0]) + 20):
            with pytest.raises(FileError, match=r"journal\.jsonl cannot be written") as raised:
                journal.append(ENTRIES[1:])
            with pytest.raises(FileError, match=r"sytflix-1\.sse cannot be written"):
                raw.write(b"data:" + b"2" * 2 * len(LINES[0]))
        assert "move HARVEST_DIR to a larger disk" in raised.value.hint
        assert (tmp_path / "sytflix-1.sse").read_bytes() == b"data:1\n\n"
        journal.append(ENTRIES[5:])  # room again
    assert list(read_journal(tmp_path)) == [ENTRIES[0], ENTRIES[5]]


def test_a_run_without_a_journal_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DamagedRunError, match=r"journal\.jsonl cannot be read"):
        list(read_journal(tmp_path))
