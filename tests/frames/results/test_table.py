"""The table of closed windows: its columns, bars, gaps, and how it grows."""

import io
from collections.abc import Iterable, Sequence

from rich.console import Console

from metrics.frames.records import Record
from metrics.frames.results.place import RecordPlace
from metrics.frames.results.table import ROWS_AT_ONCE, RecordTable
from metrics.frames.sizes import MINUTE, SECOND, Size
from tests.frames.windows import minute_record, second_record

T = 1468244340  # 2016-07-11T13:39:00Z

SECONDS = [second_record(T, 1, 1.0, 0), second_record(T + 59, 1004, 502.5, 7200)]
MINUTES = [minute_record(T, 3385, 2170.0, 5649, 0)]


def second(frames: int, start: int = T) -> Record:
    return second_record(start, frames, 1.0, 0)


class Printed:
    """A table, and the lines that a terminal of some width shows of it."""

    def __init__(
        self, sizes: Sequence[Size], width: int = 80, *, has_colors: bool = False, with_places: bool = False
    ) -> None:
        self._file = io.StringIO()
        console = Console(
            file=self._file,
            width=width,
            soft_wrap=True,
            force_terminal=True,
            color_system="standard" if has_colors else None,
            _environ={},
        )
        self._width = None if has_colors else width
        self.table = RecordTable(sizes, console, with_places=with_places)

    def lines(self, rows: Iterable[Record], places: Sequence[RecordPlace] | None = None) -> list[str]:
        """Print rows, and return the lines that came."""
        self._file.truncate(self._file.seek(0))
        self.table.print(rows, *([] if places is None else [places]))
        lines = self._file.getvalue().splitlines()
        assert self._width is None or max(map(len, lines)) <= self._width
        return [line.rstrip() for line in lines]


def test_a_table_of_both_kinds_has_bars_of_seconds_and_of_minutes_each_scaled_to_its_largest() -> None:
    printed = Printed([SECOND, MINUTE])
    printed.table.scale_to([*SECONDS, *MINUTES])
    assert printed.lines([*SECONDS, *MINUTES]) == [
        "window                kind        users     frames      average",
        "2016-07-11T13:39:00Z  second                     1        1.000",
        "gap of 7,200 s",
        "2016-07-11T13:39:59Z  second                 1,004      502.500  ███████████████",
        "2016-07-11T13:39:00Z  minute      3,385      5,649    2,170.000  ███████████████",
    ]


def test_a_table_of_one_kind_has_its_columns_only_and_longer_bars() -> None:
    seconds = [second(frames, T + number) for number, frames in enumerate((8, 4, 1, 0))]
    assert Printed([SECOND], width=65).lines(seconds) == [
        "window                   frames      average",
        f"2016-07-11T13:39:00Z          8        1.000  {'█' * 19}",
        f"2016-07-11T13:39:01Z          4        1.000  {'█' * 9}▌",
        f"2016-07-11T13:39:02Z          1        1.000  {'█' * 2}▍",
        "2016-07-11T13:39:03Z          0        1.000",
    ]
    assert Printed([SECOND], width=200).lines(seconds)[1].endswith(f"1.000  {'█' * 40}")
    assert Printed([MINUTE]).lines(MINUTES)[0].split() == ["window", "users", "frames", "average"]


def test_bars_are_scaled_to_the_largest_so_far_whether_rows_come_one_by_one_or_together() -> None:
    rows = [second(100), second(400), second(100), second(0)]
    printed = Printed([SECOND], width=62)
    singly = [line for row in rows for line in printed.lines([row])]
    assert [line.count("█") for line in singly] == [0, 16, 16, 4, 0]
    assert Printed([SECOND], width=62).lines(rows) == singly


def test_a_table_without_a_frame_so_far_has_no_bar() -> None:
    assert Printed([SECOND]).lines([second(0)])[1:] == ["2016-07-11T13:39:00Z          0        1.000"]


def test_very_many_rows_have_one_heading_and_none_is_lost() -> None:
    many = ROWS_AT_ONCE * 2 + 1
    lines = Printed([SECOND]).lines(second(1, T + number) for number in range(many))
    assert len(lines) == 1 + many
    assert [line[:6] for line in lines].count("window") == 1


def test_a_table_of_millions_fits_80_columns() -> None:
    minute = minute_record(T, 9_999_999, 999_999.999, 9_999_999, 31_536_000)
    assert Printed([SECOND, MINUTE]).lines([minute])[1:] == [
        "gap of 31,536,000 s",
        "2016-07-11T13:39:00Z  minute  9,999,999  9,999,999  999,999.999  ███████████████",
    ]


def test_larger_numbers_and_longer_gaps_shorten_the_bars() -> None:
    minute = minute_record(T, 10_000_000, 9_999_999.999, 99_999_999, 1_468_244_340)
    assert Printed([SECOND, MINUTE]).lines([minute])[1:] == [
        "gap of 1,468,244,340 s",
        f"2016-07-11T13:39:00Z    minute  10,000,000  99,999,999  9,999,999.999  {'█' * 9}",
    ]


def test_a_narrow_terminal_shows_whole_numbers() -> None:
    minute = minute_record(T, 9_999_999, 999_999.999, 9_999_999, 0)
    shown = "2016-07-11T13:39:00Z  minute  9,999,999  9,999,999  999,999.999"
    assert Printed([SECOND, MINUTE], width=65).lines([minute])[1:] == [shown]


def test_a_narrower_terminal_loses_the_average_and_then_the_kind() -> None:
    minute = minute_record(T, 3385, 2170.0, 5649, 0)
    assert Printed([SECOND, MINUTE], width=61).lines([minute]) == [
        "window                kind        users     frames",
        f"2016-07-11T13:39:00Z  minute      3,385      5,649  {'█' * 9}",
    ]
    assert Printed([SECOND, MINUTE], width=46).lines([minute])[1:] == ["2016-07-11T13:39:00Z      3,385      5,649"]


def test_a_pipe_gets_the_same_table_without_trailing_blanks() -> None:
    piped = io.StringIO()
    table = RecordTable([SECOND, MINUTE], Console(file=piped, width=80, soft_wrap=True, _environ={}))
    table.print([*SECONDS, *MINUTES])
    printed = Printed([SECOND, MINUTE])
    assert piped.getvalue().split("\n") == [*printed.lines([*SECONDS, *MINUTES]), ""]


def test_a_pipe_gets_all_columns_in_full_however_wide_a_terminal_would_be() -> None:
    piped = io.StringIO()
    table = RecordTable([SECOND, MINUTE], Console(file=piped, width=30, soft_wrap=True, _environ={}))
    table.print([minute_record(T, 10_000_000, 9_999_999.999, 99_999_999, 0)])
    assert piped.getvalue().splitlines() == [
        "window                kind         users      frames        average",
        "2016-07-11T13:39:00Z  minute  10,000,000  99,999,999  9,999,999.999",
    ]


BAR = "█" * 18
PLACES = [
    RecordPlace("frames-per-second", 0, 1_234, (T + 59) * 1000, "2016-07-11T13:39:59Z"),
    RecordPlace("unique-users-per-minute", 1, 7, None, "2016-07-11T13:39:00Z"),
]


def test_a_table_with_places_has_partition_offset_and_timestamp_after_the_counts() -> None:
    rows = [SECONDS[1], *MINUTES]
    assert Printed([SECOND, MINUTE], width=120, with_places=True).lines(rows, PLACES) == [
        "window                kind        users     frames      average  partition     offset   timestamp_ms",
        "gap of 7,200 s",
        f"2016-07-11T13:39:59Z  second                 1,004      502.500          0      1,234  1468244399000  {BAR}",
        f"2016-07-11T13:39:00Z  minute      3,385      5,649    2,170.000          1          7                 {BAR}",
    ]
    narrow = Printed([SECOND, MINUTE], with_places=True).lines(rows, PLACES)
    assert narrow[0].split() == ["window", "users", "frames", "partition", "offset", "timestamp_ms"]


def test_a_terminal_shows_gaps_dim_and_minutes_bold_among_seconds() -> None:
    lines = Printed([SECOND, MINUTE], has_colors=True).lines([*SECONDS, *MINUTES])
    dim, bold, cyan, green = "\x1b[2m", "\x1b[1m", "\x1b[36;", "\x1b[1;32;"
    assert [[code in line for code in (dim, bold, cyan, green)] for line in lines[1:]] == [
        [False, False, True, False],
        [True, False, False, False],
        [False, False, True, False],
        [False, True, False, True],
    ]
    alone = Printed([MINUTE], has_colors=True).lines(MINUTES)[1]
    assert (bold in alone, "\x1b[32;" in alone) == (False, True)
