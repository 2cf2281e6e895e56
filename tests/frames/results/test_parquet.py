"""Results in a Parquet file: its contents when it is read back, and that it is complete or missing."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow.parquet import ParquetFile

from metrics.files import parquet as parquet_format
from metrics.frames.results import parquet
from metrics.frames.results.read import Result
from metrics.frames.sizes import MINUTE, SECOND
from metrics.wording.errors import FileError
from tests.frames.windows import minute_record, second_record

PROJECT = Path(__file__).resolve().parents[3]
T = 1468244340  # 2016-07-11T13:39:00Z


def second(start: int, gap_s: int = 0) -> Result:
    return Result(second_record(start, 3, 1.5, gap_s), b"")


A_MINUTE = Result(minute_record(T, 2, 2.25, 9), b"")


def moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def test_both_sizes_are_read_back_unchanged_with_nulls_for_missing_values(tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    assert parquet.write(path, [second(T), second(T + 59, 50), A_MINUTE], [SECOND, MINUTE]) == {SECOND: 2, MINUTE: 1}
    file = ParquetFile(path)
    millisecond = pa.timestamp("ms", tz="UTC")  # Parquet knows no seconds
    assert [(field.name, field.type) for field in file.schema_arrow] == [
        ("kind", pa.string()),
        ("timestamp", millisecond),
        ("end", millisecond),
        ("num_of_frames", pa.int64()),
        ("avg_num_of_frames", pa.float64()),
        ("gap_s", pa.int64()),
        ("unique_users", pa.int64()),
        ("avg_users_per_minute", pa.float64()),
    ]
    assert [tuple(row.values()) for row in file.read().to_pylist()] == [
        ("second", moment(T), moment(T + 1), 3, 1.5, None, None, None),
        ("second", moment(T + 59), moment(T + 60), 3, 1.5, 50, None, None),
        ("minute", moment(T), moment(T + 60), 9, None, None, 2, 2.25),
    ]


def test_one_kind_has_its_own_columns_only(tmp_path: Path) -> None:
    path = tmp_path / "seconds.parquet"
    parquet.write(path, [second(T)], [SECOND])
    assert ParquetFile(path).schema_arrow.names == ["timestamp", "end", "num_of_frames", "avg_num_of_frames", "gap_s"]


def test_rows_are_written_as_they_arrive_one_group_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_format, "GROUP_ROWS", 2)
    path = tmp_path / "seconds.parquet"
    parquet.write(path, (second(T + number) for number in range(5)), [SECOND])
    file = ParquetFile(path)
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [2, 2, 1]
    assert file.read().column("timestamp").to_pylist() == [moment(T + number) for number in range(5)]


def test_without_results_the_file_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    assert not parquet.write(path, [], [SECOND, MINUTE])
    assert ParquetFile(path).read().num_rows == 0


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_early_end_leaves_only_the_old_file_unchanged(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off() -> Iterator[Result]:
        yield from (second(T + number) for number in range(5))
        raise error("mine")

    monkeypatch.setattr(parquet_format, "GROUP_ROWS", 2)
    path = tmp_path / "seconds.parquet"
    path.write_bytes(b"old")
    with pytest.raises(error, match="mine"):
        parquet.write(path, cut_off(), [SECOND])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unwritable_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="create the folder first"):
        parquet.write(tmp_path / "nowhere" / "x.parquet", [second(T)], [SECOND])
    with pytest.raises(FileError) as caught:
        parquet.write(Path("/dev/full"), [second(T)], [SECOND])
    assert str(caught.value).splitlines() == [
        "/dev/full cannot be written",
        "why: No space left on device",
        "hint: make room, or take fewer windows, by --from and --to",
    ]


def test_the_command_imports_pyarrow_only_when_it_is_needed() -> None:
    script = "import sys, metrics.frames.commands.results; print('pyarrow' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert finished.stdout == "False\n"
