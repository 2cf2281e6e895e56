"""The shipped queries' headers: what they must have, and what is read from them."""

import pytest

from metrics.catalogue.query.shipped import Parameter, find_query, parse_query, shipped_queries
from metrics.wording.errors import SettingsError

GOOD = """\
-- Title
--
-- A question
-- in two lines?
--
-- A note.
--
-- Another,
-- longer.
--
-- -p a=two words    what it means
-- -p b_1=1  more  blanks

SELECT :a, :b_1
"""


def test_a_header_has_a_title_a_question_notes_and_parameters() -> None:
    query = parse_query("some_name", GOOD)
    assert (query.name, query.title, query.question) == ("some-name", "Title", "A question in two lines?")
    assert query.notes == "A note.\nAnother, longer."
    assert query.parameters == (Parameter("a", "two words", "what it means"), Parameter("b_1", "1", "more  blanks"))
    assert query.sql == GOOD
    assert query.values({"a": "x"}, 0) == {"a": "x", "b_1": "1"}
    assert query.statement().names == ["a", "b_1"]


def test_a_time_may_be_relative_or_a_number_of_seconds() -> None:
    query = find_query("half-watchers")
    now_s = 1_640_476_800.9  # 2021-12-26T00:00:00Z
    assert query.values({"from": "-1h30m", "to": "now"}, now_s) == {
        "from": "2021-12-25T22:30:00Z",
        "to": "2021-12-26T00:00:00Z",
    }
    assert query.values({"from": "1640476800"}, 0)["from"] == "2021-12-26T00:00:00Z"
    assert query.values({"from": "tomorrow", "to": "-99999d"}, 0) == {"from": "tomorrow", "to": "-99999d"}
    assert find_query("outage-users").values({"movie": "now"}, now_s)["movie"] == "now"


def test_notes_and_parameters_may_be_missing() -> None:
    query = parse_query("q", "-- Title\n--\n-- Question?\n\nSELECT 1\n")
    assert (query.question, query.notes, query.parameters) == ("Question?", "", ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-- Title\n--\n", ""),  # ends as the title of two lines
        ("-- Title\n", "-- Title\n-- longer\n"),
        ("-- Title\n", "\n-- Title\n"),
        ("\n\nSELECT", "\nSELECT"),
        ("-- A note.\n--", "--\n--"),
        ("-p a=two words    what", "-p a=two words what"),
        ("-p a=two words    what it means", "-p a=two words"),
        ("-p a=", "-p a "),
        (" -p b_1=1  more  blanks", " -p a=1  again"),
        ("-- -p b_1=1  more  blanks\n", ""),
        ("-- -p b_1", "-- -p c=1  unused\n-- -p b_1"),
        ("-- -p b_1", "-- more\n-- -p b_1"),
    ],
)
def test_a_header_without_all_of_this_is_refused(old: str, new: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(ValueError, match=r"header|not a parameter"):
        parse_query("q", GOOD.replace(old, new))


def test_the_six_questions_are_shipped() -> None:
    assert list(shipped_queries()) == [
        "half-watchers",
        "mean-session-seconds",
        "median-size-gb",
        "movies-by-nationality",
        "outage-users",
        "share-based-on-books",
    ]
    assert all(query.question.endswith("?") and query.notes for query in shipped_queries().values())


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(SettingsError, match="there is no query outage-user\nhint: did you mean outage-users"):
        find_query("outage-user")
    with pytest.raises(SettingsError, match="no query outage_users"):
        find_query("outage_users")
