"""One statement, its parameters, and the values given for them."""

import pytest

from metrics.catalogue.query.statement import parameters_of, statement_of
from metrics.wording.errors import SettingsError


def test_a_name_used_twice_is_one_parameter() -> None:
    statement = statement_of("SELECT :b, :a::text, :b -- :c\n;")
    assert statement.names == ["b", "a"]
    assert statement.numbered() == "SELECT  $1 ,  $2 ::text,  $1 "
    assert statement.ordered({"a": "1", "b": "2"}) == ["2", "1"]


def test_parameters_side_by_side_stay_apart() -> None:
    assert statement_of("SELECT a[1: :b]||:c||1").numbered() == "SELECT a[1:  $1 ]|| $2 ||1"


@pytest.mark.parametrize(
    "sql", ["SELECT 1;;", "(SELECT 1)", "((VALUES (1)))", "table movie", "-- a\nWITH a AS (SELECT 1) TABLE a"]
)
def test_a_query_may_begin_in_several_ways(sql: str) -> None:
    assert statement_of(sql).names == []


def test_missing_and_unused_parameters_are_all_named_at_once() -> None:
    statement = statement_of("SELECT :movie, :from, :to")
    with pytest.raises(SettingsError) as caught:
        statement.ordered({"movies": "Rain", "to": "2021", "zone": "UTC"})
    assert str(caught.value).splitlines() == [
        "wrong parameters: movie and from are not given, movies and zone are not in the query",
        "hint: did you mean movie instead of movies?",
        "     give -p movie=… -p from=…",
    ]
    with pytest.raises(SettingsError, match="a is not in the query\nhint: it has no parameters: leave out -p"):
        statement_of("SELECT 1").ordered({"a": "1"})
    with pytest.raises(SettingsError, match="x is not in the query\nhint: it has movie, from and to"):
        statement.ordered({"movie": "", "from": "", "to": "", "x": ""})


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("", "the query is empty"),
        (" -- nothing\n;", "the query is empty"),
        ("SELECT 1;\nSELECT 2", "another begins in line 2, after a semicolon"),
        ("SELECT ';'; COMMIT", "there is more than one statement"),
        ("insert INTO movie VALUES (1)", "INSERT is not a query"),
        ("COMMIT", "COMMIT is not a query"),
        ("SET TRANSACTION READ WRITE", "SET is not a query"),
        ("COPY movie TO PROGRAM 'cat'", "COPY is not a query"),
        ("DO $$ BEGIN COMMIT; END $$", "DO is not a query"),
        ('"select" 1', '"SELECT" is not a query'),
        ("(((", r"\( is not a query"),
        ("SELECT 1,\n $1", r"line 2: the parameter \$1 has no name"),
    ],
)
def test_what_is_not_one_query_is_refused(sql: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        statement_of(sql)


def test_parameters_are_given_as_name_and_value() -> None:
    assert parameters_of(["a=1=2", "b=", ":c= x "]) == {"a": "1=2", "b": "", "c": " x "}
    with pytest.raises(SettingsError, match="2 parameters without a name or a value: a and =1"):
        parameters_of(["a", "=1", "b=2"])
    with pytest.raises(SettingsError, match="the parameter a is given twice"):
        parameters_of(["a=1", "a=1"])
