"""Lints: SQL that runs, but means something else than it seems to."""

import re
from collections.abc import Iterator, Mapping, Sequence

from metrics.catalogue.query.statement import Statement
from metrics.catalogue.query.tokens import Kind, Token, line_of

# A time of day with an offset or a zone after it: 07:00+01, 07:00:00.000+0100, 07:00Z, 07:00 Europe/Berlin.
_OFFSET = re.compile(
    r"\d:\d\d(?::\d\d(?:\.\d*)?)?(?:\s*[ap]m\b)?\s*(?:[+-]\d{1,2}(?::?\d\d){0,2}|(?!(?:am|pm|bc|ad)\b)[a-z][\w/+-]*)"
    r"\s*(?:'|\$\w*\$)?$",
    re.IGNORECASE,
)
# Words after the tables that a FROM lists.
_AFTER_TABLES = (
    *("where", "group", "having", "window", "union", "intersect", "except", "order", "limit", "offset", "fetch", "for"),
)


def remarks(statement: Statement, values: Mapping[str, str]) -> list[str]:
    """Return a remark for each suspicious place in a statement, with the fix, in the order of the text.

    Args:
        values: of the parameters.
    """
    found = [*_dropped_offsets(statement.tokens, values), *_session_users(statement.tokens)]
    return [f"line {line_of(statement.text, token.start)}: {what}" for token, what in sorted(found, key=_start)]


def _start(found: tuple[Token, str]) -> int:
    return found[0].start


def _dropped_offsets(tokens: Sequence[Token], values: Mapping[str, str]) -> Iterator[tuple[Token, str]]:
    """Yield the texts with an offset that are cast to a timestamp without a time zone."""
    for at, token in enumerate(tokens):
        text = values.get(token.text[1:], "") if token.kind is Kind.PARAMETER else token.text
        if token.kind not in (Kind.STRING, Kind.PARAMETER) or not _OFFSET.search(text):
            continue
        is_cast = _follows(tokens, at, "::") and _is_timestamp(tokens, at + 2)
        is_cast |= _follows(tokens, at, "as") and _is_timestamp(tokens, at + 2) and _is_in_cast(tokens, at)
        if is_cast or (token.kind is Kind.STRING and _is_typed(tokens, at)):
            yield token, f"timestamp drops the offset of {token.text}: use timestamptz"


def _follows(tokens: Sequence[Token], at: int, text: str) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1].text.lower() == text


def _is_in_cast(tokens: Sequence[Token], at: int) -> bool:
    return at >= 2 and tokens[at - 1].text == "(" and tokens[at - 2].is_word("cast")


def _is_timestamp(tokens: Sequence[Token], at: int) -> bool:
    """Return whether the type at a position is timestamp without time zone, perhaps with a precision."""
    words = [token.text.lower() for token in tokens[at : at + 8]]
    if words[:1] != ["timestamp"]:
        return False
    words = words[4:] if words[1:2] == ["("] else words[1:]
    return words[:3] != ["with", "time", "zone"]


def _is_typed(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a string has the type before it, as in `timestamp '…'`."""
    before = [token.text.lower() for token in tokens[max(0, at - 7) : at]]
    if before[-3:] == ["without", "time", "zone"]:
        before = before[:-3]
    if before[-1:] == [")"]:
        before = before[:-3]
    return before[-1:] == ["timestamp"]


def _session_users(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """Yield each `user` without quotes that is used as a table: in a FROM or JOIN, or before a dot."""
    tables = [False]  # of each open parenthesis: whether its tables are being listed
    queries = [False]  # whether it has a SELECT, without which FROM is part of a function: trim(both from user)
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else None
        if token.text == "(":
            tables.append(tables[-1] and before is not None and (before.text == "," or before.is_word("from", "join")))
            queries.append(tables[-1])
        elif token.text == ")" and len(tables) > 1:
            tables.pop()
            queries.pop()
        elif token.is_word("select"):
            tables[-1], queries[-1] = False, True
        elif token.is_word("from", "join"):
            is_operator = before is not None and before.is_word("distinct")  # IS DISTINCT FROM
            tables[-1] = tables[-1] or (queries[-1] and not is_operator)
        elif token.is_word(*_AFTER_TABLES):
            tables[-1] = False
        elif token.is_word("user") and before is not None and before.text != ".":
            is_table = tables[-1] and (before.text in (",", "(") or before.is_word("from", "join"))
            if is_table or _follows(tokens, at, "."):
                yield token, f'{token.text} is the name of the session\'s user: for the table, write "user"'
