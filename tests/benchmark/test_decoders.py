"""Decoders: who is right, what a frame becomes in other formats, the tables by hand, the command from end to end."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmark.decoders import judge, page, session
from benchmark.decoders.decoder import Decoder, Fields
from benchmark.decoders.findings import OURS, Decoded, Described, Found, Verdict
from benchmark.decoders.formats import JSON, MESSAGEPACK, PREFIX, PREFIXED
from metrics.errors import FileError
from metrics.files.line_writer import writing
from metrics.frames.core.frame import Frame, read_frame
from metrics.frames.producer import generator

PROJECT = Path(__file__).resolve().parents[2]

unpack = msgspec.msgpack.Decoder().decode
FRAMES = [b'{"ts":7,"uid":"a"}', b'{"x":{"ts":1},"uid":"b","ts":8}', b'{"uid":"c","ts":9,"x":1,"x":"2"}']
EXPECTED = [(7, "a"), (8, "b"), (9, "c")]


def by_read_frame(value: bytes) -> Fields:
    frame = read_frame(value)
    assert isinstance(frame, Frame)
    return frame.ts, frame.uid


def by_json(value: bytes) -> Fields:
    root = json.loads(value)
    return root["ts"], root["uid"]


def decoder(read: Any, **others: Any) -> Decoder:
    return Decoder(**{"name": "test", "format": JSON, "read": read, "fields": lambda answer: [answer], **others})


def test_a_decoder_that_is_right_is_called_so() -> None:
    verdict = judge.judged(decoder(by_read_frame), FRAMES, EXPECTED)
    assert verdict == Verdict(wrong=0, refused=0)
    assert verdict.is_good
    assert (page.answers(verdict), page.rules(verdict)) == ("right", "kept")


def test_what_a_decoder_takes_that_is_no_json_is_found() -> None:
    verdict = judge.judged(decoder(by_json), FRAMES, EXPECTED)
    assert verdict == Verdict(wrong=0, refused=0, takes=["NaN", "surrogates in UTF-8"])
    assert not verdict.is_good
    assert page.rules(verdict) == "takes NaN, surrogates in UTF-8"


def test_a_decoder_that_does_not_look_at_all_takes_everything() -> None:
    verdict = judge.judged(decoder(lambda _: judge.PLAIN_FIELDS), FRAMES, EXPECTED)
    assert verdict.takes == [kind.words for kind in judge.INVALID]
    assert (verdict.wrong, verdict.fails_on) == (3, [])


def test_every_kind_of_what_is_no_json_is_refused_by_ours_and_what_is_json_is_read() -> None:
    for kind in judge.INVALID:
        assert not [value for value in kind.values if isinstance(read_frame(value), Frame)], kind.words
    for kind in judge.VALID:
        assert {by_read_frame(value) for value in kind.values} == {judge.PLAIN_FIELDS}, kind.words


def test_wrong_and_refused_frames_are_counted() -> None:
    def read(value: bytes) -> Fields:
        ts, uid = by_read_frame(value)
        if ts == 9:
            raise ValueError
        return (ts, uid) if ts == 7 else (ts + 1, uid)

    verdict = judge.judged(decoder(read), FRAMES, EXPECTED)
    assert (verdict.wrong, verdict.refused) == (1, 1)
    assert page.answers(verdict) == "refuses 1, wrong in 1"


def test_json_that_a_decoder_refuses_is_found() -> None:
    strict = msgspec.json.Decoder(dict[str, int | str | dict[str, int]]).decode

    def read(value: bytes) -> Fields:
        root: Any = strict(value)
        return root["ts"], root["uid"]

    verdict = judge.judged(decoder(read), FRAMES, EXPECTED)
    assert verdict.fails_on == ["numbers beyond a double"]


def test_a_decoder_that_reads_no_field_is_judged_by_the_rules_alone() -> None:
    verdict = judge.judged(decoder(json.loads, fields=None), FRAMES, EXPECTED)
    assert verdict == Verdict(wrong=None, refused=0, takes=["NaN", "surrogates in UTF-8"])
    assert page.answers(verdict) == "not read"


def test_a_bad_frame_that_spoils_its_batch_is_found() -> None:
    def read(values: Sequence[bytes]) -> list[Fields]:
        return [by_read_frame(value) for value in values]

    verdict = judge.judged(decoder(read, fields=list, batch=2), FRAMES, EXPECTED)
    assert verdict == Verdict(wrong=0, refused=0, spoils_batches=True)
    assert page.rules(verdict) == "a bad frame spoils its batch"


def test_an_answer_that_lacks_frames_is_wrong_for_all_of_its_batch() -> None:
    def read(values: Sequence[bytes]) -> list[Fields]:
        return [by_read_frame(value) for value in values[:1]]

    verdict = judge.judged(decoder(read, fields=list, batch=2), FRAMES, EXPECTED)
    assert (verdict.wrong, verdict.refused) == (2, 0)  # the second batch has one frame


def test_what_a_decoder_of_another_format_does_not_look_at_is_found() -> None:
    def read(value: bytes) -> Fields:
        ts, size = PREFIX.unpack_from(value)
        return ts, value[PREFIX.size : PREFIX.size + size].decode()

    values = [PREFIXED.encode(frame) for frame in FRAMES]
    verdict = judge.judged(decoder(read, format=PREFIXED), values, EXPECTED)
    assert verdict == Verdict(wrong=0, refused=0, takes=["invalid UTF-8", "frames cut off", "more after the end"])
    whole = decoder(lambda value: by_json(json.dumps(unpack(value)).encode()), format=MESSAGEPACK)
    assert judge.judged(whole, [MESSAGEPACK.encode(frame) for frame in FRAMES], EXPECTED).is_good


def test_messagepack_keeps_every_member_in_its_order() -> None:
    #  {"a": 1, "a": [{}, "é"], "b": -1.5}, by the specification of MessagePack
    written = bytes.fromhex("83 a161 01 a161 92 80 a2c3a9 a162 cb bff8000000000000")
    assert MESSAGEPACK.encode('{"a":1,"a":[{},"é"],"b":-1.5}'.encode()) == written


@pytest.mark.parametrize("size", [0, 15, 16, 65_535, 65_536])
def test_messagepack_of_any_size_reads_back(size: int) -> None:
    document = {"list": list(range(size)), "map": {f"{number}": None for number in range(size)}}
    assert msgspec.msgpack.decode(MESSAGEPACK.encode(json.dumps(document).encode())) == document


def test_generated_frames_read_back_from_messagepack_as_from_json() -> None:
    for frame in generator.frames(count=200):
        assert msgspec.msgpack.decode(MESSAGEPACK.encode(frame)) == json.loads(frame)


def test_a_prefix_has_ts_and_uid_before_the_frame() -> None:
    frame = '{"uid":"é","ts":7}'.encode()
    assert PREFIXED.encode(frame) == PREFIX.pack(7, 2) + "é".encode() + frame


def decoded(name: str, form: str, *seconds: float, **verdict: Any) -> Decoded:
    return Decoded(name, form, 2_000.0, Verdict(**{"wrong": 0, "refused": 0, **verdict}), list(seconds))


FOUND = Found(
    frames=1_000,
    versions=["Python 3"],
    formats=[Described("Smoke", "in signals")],
    decoders=[
        decoded(OURS, "JSON", 0.005, 0.002, 0.004),
        decoded("lax", "JSON", 0.001, 0.009, 0.002, takes=["NaN"], fails_on=["escapes"]),
        decoded("strict", "JSON", refused=1_000),
        decoded("eyes", "Smoke", 0.003, 0.003, 0.003),
    ],
)


def test_decoders_are_ranked_by_their_best_round_and_the_others_are_shown_beside() -> None:
    # 1,000 frames in 2, 4 and 5 ms are 2, 4 and 5 µs each; 2,000 bytes in 2 µs are 1,000 MB/s.
    assert page.of_json(FOUND).rows == [
        ("lax", "1.00", "2.00", "9.00", "2,000", "right", "takes NaN; fails on escapes"),
        (OURS, "2.00", "4.00", "5.00", "1,000", "right", "kept"),
        ("strict", "-", "-", "-", "-", "refuses 1,000", "kept"),
    ]


def test_other_formats_stand_beside_ours() -> None:
    assert [row[:3] for row in page.of_formats(FOUND).rows] == [("JSON", OURS, "2.00"), ("Smoke", "eyes", "3.00")]


def test_the_part_of_the_page_is_written_and_what_is_by_hand_stays(tmp_path: Path) -> None:
    path = tmp_path / page.PAGE
    path.write_text("# Performance\n\n<!-- measured: decoders -->\nold\n<!-- /measured: decoders -->\n\nBy hand.\n")
    page.write(tmp_path, session.SECTION, FOUND, "Measured by hand.")
    text = path.read_text()
    assert text.startswith("# Performance\n\n<!-- measured: decoders -->\nJSON, 1,000 frames of 2,000 bytes on average")
    assert "| lax | 1.00 | 2.00 | 9.00 | 2,000 | right | takes NaN; fails on escapes |" in text
    assert "- **Smoke**: in signals.\n\nMeasured by hand.\n<!-- /measured: decoders -->\n\nBy hand.\n" in text


def test_frames_are_taken_from_a_file_and_what_is_none_is_refused(tmp_path: Path) -> None:
    source, target = tmp_path / "frames.jsonl.zst", tmp_path / "plain"
    with writing(source) as file:
        for frame in [*FRAMES, b'{"ts":1}']:
            file.write(frame)
    assert session.write_plain(source, target, 3) == 3
    assert target.read_bytes().splitlines() == FRAMES
    with pytest.raises(FileError, match=r"line 4 of .* is no frame") as caught:
        session.write_plain(source, target, 4)
    assert "uid" in caught.value.why
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(FileError, match="holds no frame"):
        session.write_plain(tmp_path / "empty.jsonl", target, 4)


def test_the_application_is_measured_with_the_versions_that_it_is_locked_to() -> None:
    locked = json.loads((PROJECT / "Pipfile.lock").read_text())["default"]
    pins = dict(line.split("==") for line in session.REQUIREMENTS.read_text().splitlines())
    own = {name: locked[name]["version"] for name in pins if name in locked}
    assert own == {name: f"=={pins[name]}" for name in ("msgspec", "orjson", "pysimdjson")}


def test_a_small_measurement_finds_ours_right_and_writes_the_tables(tmp_path: Path) -> None:
    """Its environment is made once, in the cache of whoever runs the tests; frames and page are of this test."""
    source = tmp_path / "few.jsonl"
    with writing(source) as file:
        for frame in generator.frames(count=1_500):
            file.write(frame)
    options = ["--rounds", "2", "--file", str(source), "--docs", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "decoders", *options],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    if "the environment of decoders cannot be made" in done.stderr:
        pytest.skip(done.stderr)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / page.PAGE).read_text()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    by_decoder = {row[0]: row for row in rows if len(row) == 7}
    assert by_decoder[OURS][5:] == ["right", "kept"]
    assert by_decoder["msgspec, struct of two fields"][6] == "takes invalid UTF-8, surrogates in UTF-8"
    assert by_decoder["json of Python, whole document"][6] == "takes NaN, surrogates in UTF-8"
    formats = [row for row in rows if len(row) == 9][2:]
    assert len(formats) == 7
    assert {row[7] for row in formats} == {"right"}
    timed = [[float(cell) for cell in row[1:4]] for row in by_decoder.values() if row[1][0].isdigit()]
    assert len(timed) == 12
    assert all(0 < best <= middle <= slowest for best, middle, slowest in timed)
