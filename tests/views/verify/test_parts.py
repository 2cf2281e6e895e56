"""The parts of a verification, against plain dictionaries."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.views.core.digest import event_digest
from metrics.views.verify import runs as module
from metrics.views.verify.matching import Difference, Row, differences
from metrics.views.verify.runs import SortedRuns
from metrics.views.verify.seen import SeenIds
from metrics.wording.errors import FileError
from tests.examples import examples

LARGE = 2**63 - 1

numbers = st.sampled_from([0, 1, 2, 2**53, 2**53 + 1, LARGE])
runs = st.lists(st.dictionaries(st.tuples(numbers, numbers), st.tuples(*[st.integers(0, 9)] * 2), max_size=8))


@given(runs)
@settings(max_examples=examples(200), deadline=None)
def test_sums_of_sorted_runs_are_those_of_a_dictionary(parts: list[dict[Row, Row]]) -> None:
    on_disk = SortedRuns(keys=2, columns=4)
    sums: dict[Row, Row] = {}
    for part in parts:
        on_disk.add((*key, *values) for key, values in part.items())
        for key, values in part.items():
            sums[key] = tuple(map(sum, zip(sums.get(key, (0, 0)), values, strict=True)))
    expected = [(*key, *sums[key]) for key in sorted(sums)]
    assert list(on_disk) == expected
    assert list(on_disk) == expected, "they may be read again"


def test_runs_longer_than_a_block_are_read_to_their_end() -> None:
    runs = SortedRuns(keys=1, columns=1)
    runs.add((number,) for number in range(0, 4_000, 2))
    runs.add((number,) for number in range(1, 4_000, 2))
    runs.add((number,) for number in range(1_000))
    assert list(runs) == [(number,) for number in range(4_000)]


def test_a_full_disk_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(module, "TemporaryFile", lambda **_: full)
        runs = SortedRuns(keys=1, columns=1)
        with pytest.raises(FileError, match="cannot be written") as raised:
            runs.add([(1,)])
    assert "TMPDIR" in raised.value.hint


def test_without_a_folder_for_temporary_files_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc"])
    with pytest.raises(FileError, match="no folder for temporary files") as raised:
        SortedRuns(keys=1, columns=1)
    assert "TMPDIR" in raised.value.hint


tables = st.dictionaries(st.tuples(numbers, numbers), st.tuples(st.integers(0, 2)), max_size=8)


@given(tables, tables)
@settings(max_examples=examples(200), deadline=None)
def test_differences_are_those_of_two_dictionaries(recount: dict[Row, Row], stored: dict[Row, Row]) -> None:
    streams = [[(*key, *rows[key]) for key in sorted(rows)] for rows in (recount, stored)]
    found = list(differences(iter(streams[0]), iter(streams[1]), keys=2))
    keys = sorted(recount.keys() | stored.keys())
    assert found == [
        None if recount.get(key) == stored.get(key) else Difference(key, recount.get(key), stored.get(key))
        for key in keys
    ]


ids = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 2)))


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(0, 2)), ids)
@settings(max_examples=examples(300), deadline=None)
def test_an_id_counts_once_from_the_partition_that_is_stored(
    stored: dict[str, int], asked: list[tuple[str, int]]
) -> None:
    seen = SeenIds()
    seen.add(sorted((event_digest(text), partition) for text, partition in stored.items()))
    counted = [(text, partition) for text, partition in asked if seen.is_first(event_digest(text), partition)]

    first_of_others = {text: partition for text, partition in reversed(asked) if text not in stored}
    of_stored = {entry for entry in asked if stored.get(entry[0]) == entry[1]}
    assert sorted(counted) == sorted([*of_stored, *first_of_others.items()])
    assert seen.missing == {event_digest(text): partition for text, partition in first_of_others.items()}
    not_found = {event_digest(text) for text, partition in stored.items() if (text, partition) not in asked}
    assert {of.digest for of in seen.not_found()} == not_found


def test_ids_with_the_same_first_half_are_told_apart() -> None:
    seen, half = SeenIds(), b"12345678"
    seen.add([(half + b"00000000", 0), (half + b"00000001", 1), (half + b"00000002", 2)])
    assert seen.is_first(half + b"00000001", 1)
    assert not seen.is_first(half + b"00000002", 1)
    assert seen.is_first(half + b"00000003", 1)
    assert [of.partition for of in seen.not_found()] == [0, 2]
