"""Tokens of SQL, by the rules of PostgreSQL."""

import re

import pytest

from metrics.catalogue.query.statement import statement_of
from metrics.catalogue.query.tokens import Kind, line_of, tokens


def parameters(sql: str) -> list[str]:
    """Return the names of the parameters in a text."""
    return [token.text for token in tokens(sql) if token.kind is Kind.PARAMETER]


@pytest.mark.parametrize(
    "sql",
    [
        "'it''s :no'",
        r"E'it\'s :no'",
        r"e'\\' ':no'",
        "E'first' -- ':no\n  '\\' :no'",
        "'first\n :no'",
        r"U&'\0061 :no'",
        "B':no' X':no' N':no'",
        "$$ it's :no $$",
        "$tag$ $$ :no $other$ $tag$",
        "$é$ :no $é$",
        '"a "" :no"',
        'U&":no"',
        "-- it's :no\n",
        "/* :no /* :no */ it's :no */",
        "5*/* :no */2",
        "1--:no\n",
        "a::no",
        "f(a:=1)",
        "a[1:2] a[lo:hi] a[:2] a[lo:] a[f(x):no] a[b[1]:no] a['1':no]",
        "a[1::no]",
        "'never closed :no",
        '"never closed :no',
        "E'never closed\\' :no",
        "$$ never closed :no",
        "/* never closed /* :no */",
    ],
)
def test_a_colon_that_begins_no_parameter_is_none(sql: str) -> None:
    assert parameters(sql) == []


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a = :a AND b=:b", [":a", ":b"]),
        (":from::timestamptz", [":from"]),
        ("a::text=:a", [":a"]),
        ("'it''s' :yes", [":yes"]),
        (r"'a\' :yes", [":yes"]),
        (r"fooe'\' :yes", [":yes"]),
        (r"éE'\' :yes", [":yes"]),
        ("'first' 'x\\' :yes", [":yes"]),
        ("a$b$ :yes $b$", [":yes"]),
        ("$1$ :yes", [":yes"]),
        ("/* */ :yes /* /* */ */ :more", [":yes", ":more"]),
        ("-- a\r:yes", [":yes"]),
        ("a[:i] a[1: :n] ARRAY[x, :a] ARRAY[CASE WHEN x THEN :a ELSE :b END]", [":i", ":n", ":a", ":a", ":b"]),
        ("LIMIT:n", [":n"]),
        ("(:a, :a_1, :ä)", [":a", ":a_1", ":ä"]),
        ("a:::yes", [":yes"]),
        ("a-:yes", [":yes"]),
        ("E'a' 'b\\' :yes", [":yes"]),  # without a line break, the server refuses a second string
    ],
)
def test_a_parameter_is_found_beside_anything(sql: str, expected: list[str]) -> None:
    assert parameters(sql) == expected


def test_tokens_are_what_was_written_where_it_was_written() -> None:
    sql = 'SELECT u."e", 1.5e-3, 1..2 /* a */ FROM "user" u\n-- b\nWHERE x <= :y;'
    words = 'SELECT u . "e" , 1.5e - 3 , 1 . .2 FROM "user" u WHERE x < = :y ;'
    found = list(tokens(sql))
    assert all(sql[token.start :].startswith(token.text) for token in found)
    assert " ".join(token.text for token in found) == words
    assert re.sub(r"/\*.*?\*/|--.*|\s", "", sql) == "".join(token.text for token in found)
    assert line_of(sql, found[-1].start) == 3


def test_a_text_of_a_million_quotes_is_read_in_one_pass() -> None:
    """It takes a second or so; a pattern that backtracks would not end."""
    quotes = "''" * 500_000
    assert statement_of(f"SELECT '{quotes}', :a").names == ["a"]
    assert statement_of("SELECT E'' " + "--" * 50_000 + "\n, :a").names == ["a"]
    assert statement_of("SELECT " + "/*" * 50_000 + "*/" * 50_000 + ":a").names == ["a"]
