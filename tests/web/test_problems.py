"""Errors of the program as the details of problems."""

from metrics.web import problems
from metrics.wording.errors import DatabaseError


def test_an_error_is_one_line_without_tabs() -> None:
    error = DatabaseError("it is away", why="connection refused\n\tIs it running\n\ton that host?", hint="check it")
    assert problems.in_one_line(error) == "it is away: connection refused; Is it running; on that host?; check it"
    assert problems.in_one_line(DatabaseError("it is away")) == "it is away"


def test_a_line_that_ends_with_a_semicolon_is_followed_by_one_only() -> None:
    error = DatabaseError("it is away", why="closed;\nretry;", hint="start it;\nor wait")
    assert problems.in_one_line(error) == "it is away: closed; retry; start it; or wait"
