"""The replay of a run from its journal and raw files."""

import io
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.harvest.archive import sorting
from metrics.harvest.archive.folders import DamagedRunError
from metrics.harvest.archive.replay import Replayed, replay
from metrics.harvest.core.journal import Stopped
from metrics.harvest.core.rows import read_rows
from metrics.wording.errors import FileError
from tests.harvest.archive.disks import full_after
from tests.harvest.archive.recorded import START_US, Recorder, complete_ids

STOPPED = Stopped(at_us=START_US + 20_000_000, by="time")


def replayed(folder: Path, sorted_in: Path | None = None) -> tuple[bytes, Replayed]:
    csv = io.BytesIO()
    found = replay(folder, csv, sorted_in or folder)
    return csv.getvalue(), found


HEAD = (
    b'{"kind":"started","at_us":1701964881500000,"run":"20231207_170121","seconds":20.0,"name":"Sytac","times":2,'
    b'"frame_limit_bytes":1024}\n'
    b'{"kind":"opened","at_us":1701964881700000,"stream":"sytflix","connection":1,"requested_us":1701964881500100}\n'
)
TAKEN = b'{"kind":"taken","at_us":1701964881800000,"stream":"sytflix","connection":1}\n'
FRAME = (
    b'id:7\nevent:show-liked\ndata:{"show":{"show_id":"s1"},"event_date":"07-12-2023 17:01:21.600",'
    b'"user":{"id":4,"first_name":"Sytac"}}\n\n'
)
FIRST_LINE = (
    b"id,event,event_date,show.show_id,show.cast,show.country,show.director,show.date_added,show.description,"
    b"show.duration,show.listed_in,show.rating,show.title,show.type,show.release_year,show.platform,user.id,"
    b"user.date_of_birth,user.email,user.first_name,user.gender,user.ip_address,user.country,user.last_name,"
    b"instant,received_at,position\r\n"
)
LINE = (
    b"7,show-liked,07-12-2023 17:01:21.600,s1,,,,,,,,,,,,Sytflix,4,,,Sytac,,,,,"
    b"2023-12-07T16:01:21.600Z,2023-12-07T16:01:21.800000Z,sytflix-1:1\r\n"
)


def test_a_run_of_one_event_is_a_header_and_its_row(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(HEAD + TAKEN)
    (tmp_path / "sytflix-1.sse").write_bytes(FRAME + b"id:8\nevent:show-li")
    csv, found = replayed(tmp_path)
    assert csv == FIRST_LINE + LINE
    assert found.ends == {("sytflix", 1): len(FRAME)}
    assert (found.tally.name_seen, found.tally.streams["sytflix"].frames, found.lost) == (1, 1, 0)


def test_a_frame_counts_from_the_byte_on_that_completes_it(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(HEAD + TAKEN)
    for size in range(len(FRAME) + 1):
        (tmp_path / "sytflix-1.sse").write_bytes(FRAME[:size])
        csv, found = replayed(tmp_path)
        assert csv == FIRST_LINE + (LINE if size == len(FRAME) else b"")
        assert found.lost == 0, "the process was killed before it wrote the rest"


def test_a_run_that_was_killed_before_its_first_connection_has_no_events(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(HEAD[:-20])
    assert replayed(tmp_path)[0] == FIRST_LINE


def test_frames_whose_lines_were_lost_with_the_power_count_up_to_the_rule(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(HEAD)
    (tmp_path / "sytflix-1.sse").write_bytes(b"".join(FRAME.replace(b"id:7", b"id:%d" % own) for own in range(5)))
    csv, found = replayed(tmp_path)
    assert [line.partition(b",")[0] for line in csv.splitlines()[1:]] == [b"0", b"1"]
    assert b",2023-12-07T16:01:21.700000Z,sytflix-1:2" in csv, "received when the journal ends, at the latest"
    assert found.ends == {("sytflix", 1): 2 * len(FRAME)}


def test_frames_after_the_stop_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(
        HEAD + TAKEN + b'{"kind":"stopped","at_us":1701964882000000,"by":"time"}\n'
    )
    (tmp_path / "sytflix-1.sse").write_bytes(FRAME + FRAME.replace(b"id:7", b"id:8"))
    csv, found = replayed(tmp_path)
    assert csv == FIRST_LINE + LINE
    assert found.ends == {("sytflix", 1): len(FRAME)}


def test_frames_that_someone_removed_from_the_archive_are_counted(tmp_path: Path) -> None:
    Recorder(tmp_path, 3, frames=30).record(STOPPED)
    (tmp_path / "sytazon-1.sse").unlink()
    assert replayed(tmp_path)[1].lost > 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), part_bytes=st.sampled_from([1, 2_000, 16 << 20]))
def test_the_events_are_those_of_a_plain_reference_in_order(
    seed: int, part_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    recorder = Recorder(folder, seed, frames=seed % 40)
    recorder.record(STOPPED)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "PART_BYTES", part_bytes)
        csv, found = replayed(folder)
    assert csv == recorder.csv()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "a replay changes nothing"
    for connection, end in found.ends.items():
        os.truncate(folder / "{}-{}.sse".format(*connection), end)
    assert replayed(folder)[0] == csv, "what follows the last frame taken makes no difference"
    assert {row[0] for row in recorder.rows.values()} == complete_ids(folder.glob("*.sse"))
    shutil.rmtree(folder)


def test_a_journal_torn_at_any_byte_loses_no_frame_of_a_connection_that_it_knows(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """By default, at both ends of each line and at every seventh byte within it."""
    Recorder(tmp_path, 5, frames=2).record()
    journal = (tmp_path / "journal.jsonl").read_bytes()
    every = 1 if pytestconfig.getoption("--long") else 7
    for end in range(journal.index(b"\n") + 1, len(journal)):
        if b"\n" not in journal[end - 2 : end + 2] and end % every:
            continue
        (tmp_path / "journal.jsonl").write_bytes(journal[:end])
        lines = [json.loads(line) for line in journal[:end].split(b"\n")[:-1]]
        opened = ["{stream}-{connection}.sse".format(**line) for line in lines if line["kind"] == "opened"]
        ids = [row[0] for row in read_rows(io.StringIO(replayed(tmp_path)[0].decode(), newline=""))][1:]
        assert sorted(ids) == sorted(complete_ids(tmp_path / name for name in opened))


@pytest.mark.parametrize(
    ("journal", "why"),
    [
        (b"", "its first line, with the run and its rule to stop, is missing"),
        (HEAD[:40], "its first line, with the run and its rule to stop, is missing"),
        (HEAD + HEAD.splitlines(keepends=True)[1], "it opens the connection sytflix-1 twice"),
        (HEAD.replace(b"sytflix", b"../../x"), "it names a stream ../../x"),
        (
            HEAD + TAKEN.replace(b'"connection":1', b'"connection":2'),
            "it uses the connection sytflix-2, which is not open",
        ),
        (
            HEAD + TAKEN.replace(b"}", b',"why":""}').replace(b"taken", b"closed") + TAKEN,
            "it uses the connection sytflix-1",
        ),
    ],
)
def test_a_journal_that_contradicts_itself_is_damaged(tmp_path: Path, journal: bytes, why: str) -> None:
    (tmp_path / "journal.jsonl").write_bytes(journal)
    (tmp_path / "sytflix-1.sse").write_bytes(FRAME)
    with pytest.raises(DamagedRunError) as raised:
        replayed(tmp_path)
    assert raised.value.why.startswith(why)


def test_a_raw_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(HEAD + TAKEN)
    (tmp_path / "sytflix-1.sse").mkdir()
    with pytest.raises(DamagedRunError, match=r"sytflix-1\.sse cannot be read"):
        replayed(tmp_path)


def test_a_full_disk_while_rows_are_sorted_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (folder := tmp_path / "run").mkdir()
    Recorder(folder, 5, frames=99).record(STOPPED)
    (sorted_in := tmp_path / "sorted").mkdir()
    with full_after(1_000), pytest.raises(FileError, match="sorted cannot be written") as raised:
        replayed(folder, sorted_in)
    assert "larger disk" in raised.value.hint
    assert list(sorted_in.iterdir()) == []
