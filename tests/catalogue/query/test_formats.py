"""Answers as JSON lines, CSV, a table and a Parquet file."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow.parquet import ParquetFile, read_table

from metrics.catalogue.query import formats, parquet
from metrics.catalogue.query.run import Answer, answering
from metrics.catalogue.query.statement import statement_of
from metrics.files import parquet as parquet_format
from metrics.wording.errors import FileError, SettingsError
from tests.catalogue.query.tables import Connection
from tests.terminal.shown import in_a_pipe, on_a_terminal

EVERY_TYPE = """
SELECT -1::int2 AS i2, 9223372036854775807::int8 AS i8, 1.50::numeric AS n, 12.5::numeric(6, 3) AS d, 0.1::float8 AS f,
    true AS yes, false AS no, null::text AS nothing, '' AS empty, E'a\\n"b",' AS t, '{"a":\n[1.10, null]}'::json AS j,
    '{"b": 1}'::jsonb AS jb, '{1,2,NULL}'::int[] AS a, '{{a,"b c"},{NULL,d}}'::text[] AS aa, '{t,f}'::bool[] AS ab,
    '2021-12-25'::date AS day, '2021-12-25 07:00'::timestamp AS ts, '2021-12-25 07:00:00.5+01'::timestamptz AS tz,
    '{2021-12-25 07:00+01}'::timestamptz[] AS atz, '1 mon 2 days'::interval AS iv, '\\x01'::bytea AS b, row(1, 'x') AS r
"""
STRANGE = (
    "SELECT 'NaN'::numeric AS a, 'Infinity'::float8 AS b, '-infinity'::timestamptz AS c, 'infinity'::date AS d, "
    "'0044-03-15 BC'::timestamp AS e, 1e20::float8 AS f, '{NaN}'::float4[] AS g, 100000000000000000000.10 AS h"
)


def shown(connection: Connection, show: Callable[[Answer], object], sql: str) -> str:
    with answering(connection, statement_of(sql), {}) as answer:
        return in_a_pipe(lambda: show(answer))


def test_json_has_one_object_per_line_with_the_types_that_it_knows(connection: Connection) -> None:
    line = shown(connection, formats.print_json, EVERY_TYPE)
    assert line == (
        '{"i2":-1,"i8":9223372036854775807,"n":1.50,"d":12.500,"f":0.1,"yes":true,"no":false,"nothing":null,"empty":"",'
        '"t":"a\\n\\"b\\",","j":{"a":[1.10,null]},"jb":{"b": 1},"a":[1,2,null],"aa":[["a","b c"],[null,"d"]],'
        '"ab":[true,false],"day":"2021-12-25","ts":"2021-12-25T07:00:00","tz":"2021-12-25T06:00:00.5Z",'
        '"atz":["2021-12-25T06:00:00Z"],"iv":"1 mon 2 days","b":"\\\\x01","r":"(1,x)"}\n'
    )
    assert len(json.loads(line)) == 22
    assert shown(connection, formats.print_json, STRANGE) == (
        '{"a":"NaN","b":"Infinity","c":"-infinity","d":"infinity","e":"0044-03-15 00:00:00 BC","f":1e+20,"g":["NaN"],'
        '"h":100000000000000000000.10}\n'
    )
    assert shown(connection, formats.print_json, "SELECT 1 AS a WHERE false") == ""


def test_csv_has_a_header_and_quotes_what_needs_it(connection: Connection) -> None:
    text = shown(connection, formats.print_csv, EVERY_TYPE)
    header, row = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert dict(zip(header, row, strict=True)) == {
        "i2": "-1",
        "i8": "9223372036854775807",
        "n": "1.50",
        "d": "12.500",
        "f": "0.1",
        "yes": "true",
        "no": "false",
        "nothing": "",
        "empty": "",
        "t": 'a\n"b",',
        "j": '{"a":\n[1.10, null]}',
        "jb": '{"b": 1}',
        "a": "[1,2,null]",
        "aa": '[["a","b c"],[null,"d"]]',
        "ab": "[true,false]",
        "day": "2021-12-25",
        "ts": "2021-12-25T07:00:00",
        "tz": "2021-12-25T06:00:00.5Z",
        "atz": '["2021-12-25T06:00:00Z"]',
        "iv": "1 mon 2 days",
        "b": "\\x01",
        "r": "(1,x)",
    }
    assert shown(connection, formats.print_csv, 'SELECT 1 AS "a,b", 2 AS a, 3 AS a WHERE false') == '"a,b",a,a\n'
    assert shown(connection, formats.print_csv, "VALUES (null, 1), ('x', null)") == "column1,column2\n,1\nx,\n"
    assert shown(connection, formats.print_csv, "SELECT null AS a") == 'a\n""\n'  # readers skip an empty line


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
            min_size=2,
            max_size=2,
        )
    )
)
def test_any_text_is_read_back_from_csv_and_json(connection: Connection, rows: list[list[str]]) -> None:
    sql = (
        "SELECT r->>0 AS a, r->>1 AS b FROM json_array_elements(:rows::json) WITH ORDINALITY AS of (r, at) ORDER BY at"
    )
    values = {"rows": json.dumps(rows)}
    with answering(connection, statement_of(sql), values) as answer:
        text = in_a_pipe(lambda: formats.print_csv(answer))
    assert [*csv.reader(io.StringIO(text, newline=""), strict=True)] == [["a", "b"], *rows]
    with answering(connection, statement_of(sql), values) as answer:
        text = in_a_pipe(lambda: formats.print_json(answer))
    assert [[*json.loads(line).values()] for line in text.removesuffix("\n").split("\n") if line] == rows


def test_a_table_has_numbers_on_the_right_and_its_heading_once(connection: Connection) -> None:
    def table(sql: str) -> list[str]:
        with answering(connection, statement_of(sql), {}) as answer:
            return on_a_terminal(lambda: formats.print_table(answer), 80).splitlines()

    assert table("VALUES ('Rain', 5, true, null), (E'École\n\x1b[1m', 1234, null, 'x')") == [
        "column1         column2  column3  column4",
        "Rain                  5  true",
        r"École\n\x1b[1m     1234           x",
    ]
    assert table("SELECT 1 AS a, 'x' AS b WHERE false") == ["a  b"]
    #   three batches: the widest text is in the first, the widest number in the second
    lines = table(
        "SELECT repeat('x', 12 - g / 200) AS t, g * (CASE g WHEN 1500 THEN 9 ELSE 1 END) AS n "
        "FROM generate_series(1, 2001) g"
    )
    assert (lines[0], lines[1], lines[1000]) == ("t                n", "xxxxxxxxxxxx     1", "xxxxxxx       1000")
    assert (lines[1001], lines[1500], lines[2001]) == (
        "xxxxxxx        1001",
        "xxxxx         13500",
        "xx             2001",
    )
    wide = table("SELECT repeat('x', 100) AS t, g FROM generate_series(1, 1001) g")
    assert (wide[1], wide[-1]) == (f"{'x' * 74}     1", "x" * 26)


@pytest.mark.parametrize(
    ("show", "what"), [(formats.print_json, "JSON"), (lambda a: parquet.write(Path("x"), a), "Parquet")]
)
def test_two_columns_of_one_name_are_refused_where_they_cannot_be_told_apart(
    connection: Connection, show: Callable[[Answer], object], what: str
) -> None:
    with pytest.raises(SettingsError, match=f"several columns are called a, which {what} cannot tell apart"):
        shown(connection, show, "SELECT 1 AS a, 2 AS b, 3 AS a")
    assert not Path("x").exists()


def write(connection: Connection, path: Path, sql: str) -> int:
    with answering(connection, statement_of(sql), {}) as answer:
        return parquet.write(path, answer)


def test_parquet_has_typed_columns(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    assert write(connection, path, EVERY_TYPE) == 1
    file = ParquetFile(path)
    types = {field.name: field.type for field in file.schema_arrow}
    typed: dict[str, Any] = {
        "i2": pa.int16(),
        "i8": pa.int64(),
        "n": pa.float64(),
        "d": pa.decimal128(6, 3),
        "f": pa.float64(),
        "yes": pa.bool_(),
        "no": pa.bool_(),
        "day": pa.date32(),
        "ts": pa.timestamp("us"),
        "tz": pa.timestamp("us", tz="UTC"),
    }
    assert types == dict.fromkeys(types, pa.string()) | typed
    [row] = file.read().to_pylist()
    moment = datetime(2021, 12, 25, 6, 0, 0, 500_000, tzinfo=UTC)
    expected = [-1, 2**63 - 1, 1.5, Decimal("12.500"), 0.1, True, False, date(2021, 12, 25), datetime(2021, 12, 25, 7)]  # noqa: DTZ001
    assert [row[name] for name in typed] == [*expected, moment]
    assert (row["nothing"], row["empty"], row["a"]) == (None, "", "[1,2,null]")


def test_parquet_is_written_in_groups_and_atomically(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_format, "GROUP_ROWS", 1500)
    path = tmp_path / "x.parquet"
    assert write(connection, path, "SELECT g, null::text AS t FROM generate_series(1, 3100) g") == 3100
    file = ParquetFile(path)
    assert [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)] == [1500, 1500, 100]
    assert file.read().column("g").to_pylist() == [*range(1, 3101)]
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="the column t has a value that Parquet cannot represent"):
        write(
            connection,
            path,
            "SELECT CASE WHEN g = 3000 THEN 'infinity' ELSE now() END AS t FROM generate_series(1, 3100) g",
        )
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]
    with pytest.raises(FileError, match="create the folder first"):
        write(connection, tmp_path / "none" / "x", "SELECT 1 AS a")


def test_parquet_without_rows_has_the_columns(connection: Connection, tmp_path: Path) -> None:
    assert write(connection, tmp_path / "x", "SELECT title, duration_mins FROM movie") == 0
    assert read_table(tmp_path / "x").schema.names == ["title", "duration_mins"]
