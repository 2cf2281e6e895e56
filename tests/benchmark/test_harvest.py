"""Measured parsers and floods: the streams of the traps, our parser as a side, and what is called wrong."""

import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmark.harvest import flood, harvesting, parsing
from benchmark.harvest.flood import Flood
from benchmark.harvest.flooding import MALFORMED, SEED
from benchmark.harvest.harvesting import Harvesting
from benchmark.harvest.parsing import SIDES, Parsed, ParseError, Run, Side
from benchmark.harvest.streams import FORMS, HOSTILE, PLAIN, write_streams
from benchmark.harvest.taking import Taken
from benchmark.process import PROJECT
from metrics.harvest.archive.folders import Folders
from metrics.harvest.simulator.series import Series
from tests.benchmark.test_commands import run as run_command
from tests.harvest.core.timeline import event

OURS, *PEERS = SIDES
HERE = Path(sys.executable)


def test_each_stream_has_the_trap_that_it_is_named_after(tmp_path: Path) -> None:
    expected = write_streams(tmp_path, 20, 10)
    assert {name: len(frames) for name, frames in expected.items()} == {
        form.name: 20 if form.name in (PLAIN, HOSTILE) else 10 for form in FORMS
    }
    streams = {name: (tmp_path / f"{name}.sse").read_bytes() for name in expected}
    chunks = {name: cut(streams[name], tmp_path / f"{name}.cuts") for name in expected}
    assert streams[PLAIN].count(b"\n\n") == 20
    assert 900 < len(streams[PLAIN]) / 20 < 1_100
    assert b"\n" not in streams["cr"]
    assert all(chunk.endswith(b"\r") for chunk in chunks["crlf"][:-1])
    assert all(chunk.startswith(b"\n") for chunk in chunks["crlf"][1:])
    assert not any(decodes(chunk) for chunk in chunks["cut"][:-1])
    assert streams["ids"].count(b"\nid:") + streams["ids"].startswith(b"id:") == 5
    assert b"\n: still here\ndata:" in streams["comments"]
    assert streams["bom"].startswith(b"\xef\xbb\xbfevent:")
    assert not streams["end"].endswith(b"\n\n")
    assert streams[HOSTILE].startswith(b"\xef\xbb\xbfevent:")
    assert all("\u2028" in data and "\x85" in data for _, data in expected["separators"] + expected[HOSTILE])


def cut(stream: bytes, cuts: Path) -> list[bytes]:
    ends = [0, *msgspec.json.decode(cuts.read_bytes(), type=list[int]), len(stream)]
    return [stream[start:end] for start, end in pairwise(ends)]


def decodes(chunk: bytes) -> bool:
    try:
        return chunk.decode() is not None
    except UnicodeDecodeError:
        return False


def test_our_parser_finds_and_reads_every_frame_of_every_stream(tmp_path: Path) -> None:
    runs = parsing.parse(OURS, HERE, tmp_path, write_streams(tmp_path, 200, 50))
    assert {run.parsed.stream: (run.right, run.invented, run.parsed.readable) for run in runs} == {
        form.name: (200, 0, 200) if form.name in (PLAIN, HOSTILE) else (50, 0, 50) for form in FORMS
    }
    assert parsing.wrong(runs) == []


NAIVE = """
import json
from benchmark.peers import sse

def parse(chunks, take):
    for chunk in chunks:
        for block in chunk.decode().split("\\n\\n")[:-1]:
            fields = dict(line.split(":", 1) for line in block.split("\\n"))
            take((fields["event"], fields["data"]))

sse.run(parse, lambda frame: frame, lambda frame: json.loads(frame[1]))
"""


def test_a_peer_is_listed_with_the_frames_that_it_loses_and_invents_and_how_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "naive.py").write_text(NAIVE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    streams = tmp_path / "streams"
    streams.mkdir()
    runs = parsing.parse(Side("naive", "", "naive"), HERE, streams, write_streams(streams, 60, 20))
    verdicts = {run.parsed.stream: run.verdict for run in runs}
    assert verdicts["ids"] == verdicts["separators"] == "right"
    assert verdicts["cr"] == "20 lost"
    assert verdicts["end"] == "right"
    assert verdicts["cut"] == "fails: UnicodeDecodeError, 20 lost"
    assert verdicts["bom"] == "fails: KeyError, 20 lost"
    assert parsing.wrong(runs) == [], "only the verdict on this application is a problem"
    with pytest.raises(ParseError, match="none failed: exit code 1"):
        parsing.parse(Side("none", "", "no_such_module"), HERE, streams, {})


def test_a_flood_gives_exactly_the_events_that_were_sent() -> None:
    found, problems = flood.flooded("own", 1.5)
    assert problems == []
    assert found.frames > 0
    assert 0 < found.cpu_s < 60
    assert 0 < found.server_s < 60
    assert 20e6 < found.early_bytes <= found.peak_bytes < 400e6


def test_events_that_are_lost_or_invented_in_a_flood_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    series = Series("sytflix", SEED, MALFORMED)
    sent = [series.next(0) for _ in range(100)]
    faults = Counter(message.fault for message in sent if message.fault)
    got = [event(id=message.id.decode()) for message in sent if message.fault is None]
    stream = TAKEN | {"frames": 100, "events": len(got), "malformed": faults}
    taken = msgspec.convert({"run": "1", "samples": [], "streams": [stream]}, Taken)
    for events, problem in (
        (got, None),
        (got[1:], "1 events lost, 0 invented"),
        ([*got, got[0]], "0 events lost, 1 invented"),
    ):
        monkeypatch.setattr(flood, "read_events", lambda *_, events=events: events)
        found = flood.differences("own", Folders.of("data"), taken)
        assert len(found) == (problem is not None)
        assert problem is None or problem in found[0]


TAKEN = {
    "stream": "sytflix",
    "platform": "Sytflix",
    "listened_ms": 0,
    "listened_s": 0.0,
    "connections": 1,
    "repeated": 0,
    "bytes": 0,
    "outcome": "read",
    "why": None,
}


def run(side: str, stream: str = PLAIN, **fields: Any) -> Run:
    given = {"frames": 1_000, "right": 1_000, "invented": 0}
    parsed = Parsed(
        stream, 0.01, fields.pop("read_s", 0.02), fields.pop("readable", 1_000), fields.pop("failure", None)
    )
    return Run(side, parsed=parsed, **(given | fields))


def taken(**fields: Any) -> Flood:
    sizes = {"early_bytes": 40_000_000, "late_bytes": 41_000_000, "peak_bytes": 90_000_000}
    times = {"listened_s": 10.0, "cpu_s": 5.0, "finish_s": 7.0, "server_s": 4.0}
    return msgspec.convert({"ids": "none", "frames": 100_000} | times | sizes | fields, Flood)


def test_our_frames_that_are_lost_invented_or_unread_and_memory_that_grows_are_problems() -> None:
    ours = [run("ours", right=990, invented=3), run("ours", readable=900), run("httpx-sse", right=1)]
    assert parsing.wrong(ours) == ["plain: 10 lost, 3 invented", "plain: 900 of 1,000 frames read"]
    assert harvesting.grown([taken(), taken(ids="own", late_bytes=90_000_000)]) == []
    assert harvesting.grown([taken(late_bytes=45_000_000)]) == ["memory grew by 5.0 MB, instead of 4"]


def test_findings_show_rates_traps_and_floods() -> None:
    runs = [
        run(side, form.name, read_s=read_s) for side in ("ours", "httpx-sse") for form in FORMS for read_s in (2, 4)
    ]
    runs[-1] = run("httpx-sse", HOSTILE, read_s=4, invented=7)
    page = Harvesting(runs=runs, floods=[taken()], problems=[]).as_markdown()
    assert "| `ours` | 100,000 | 500 | 100,000 | 500 |" in page
    assert "| LF, in chunks of 64 KiB (1,000 frames) | right | right |" in page
    assert "| all of these, and each line ended in any way (1,000 frames) | right | right; 7 invented |" in page
    assert "| none | 100,000 | 10,000 | 20,000 | 5.0 | 4.0 | 7.0 | 40.0 | 41.0 | 90.0 |" in page


@pytest.mark.parametrize("side", PEERS)
def test_each_peer_is_a_program_with_pinned_packages(side: Side) -> None:
    assert (PROJECT / f"{side.module.replace('.', '/')}.py").is_file()
    pins = (PROJECT / f"benchmark/peers/{side.packages}.requirements.txt").read_text().splitlines()
    assert all("==" in pin for pin in pins)
    assert any(pin.startswith(f"{side.name}==") for pin in pins)


def test_help_has_an_example() -> None:
    assert "pipenv run bench harvest --" in run_command("harvest", "--help").stdout
