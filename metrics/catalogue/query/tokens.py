"""Tokens of SQL, by PostgreSQL's lexical rules, with standard_conforming_strings on.

Source: the manual, "Lexical Structure", and src/backend/parser/scan.l. Anything that is not closed extends to the end
of the text, and the server reports it.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple


class Kind(Enum):
    """The kinds of tokens that matter here."""

    STRING = auto()  # in all its forms: '…', E'…', U&'…', $tag$…$tag$
    QUOTED = auto()  # an identifier in double quotes
    WORD = auto()  # a key word, or an identifier without quotes
    NUMBER = auto()
    PARAMETER = auto()  # :name
    POSITIONAL = auto()  # $1
    SYMBOL = auto()


class Token(NamedTuple):
    """A token.

    Attributes:
        text: as written.
        start: its position in the text.
    """

    kind: Kind
    text: str
    start: int

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of these words, without quotes, in any case."""
        return self.kind is Kind.WORD and self.text.lower() in words


# All characters outside ASCII are letters of identifiers, even blanks.
_LETTER, _LETTERS = r"[A-Za-z_\x80-\U0010ffff]", r"[A-Za-z0-9_\x80-\U0010ffff]*"
_BLANK = r"[ \t\n\r\f\v]"
_TO_END_OF_LINE = r"--[^\r\n]*+"
# A string continues in the next line. That matters only after E'…': the next part has escapes, too, without an E.
_CONTINUED = rf"(?:[ \t\f\v]|{_TO_END_OF_LINE})*+[\r\n](?:{_BLANK}|{_TO_END_OF_LINE}[\r\n])*+'"
_ESCAPES = r"(?:[^'\\]|\\.|'')*+"
_PATTERNS = {
    Kind.STRING: rf"[eE]'{_ESCAPES}(?:'{_CONTINUED}{_ESCAPES})*+(?:'|\\?\Z)"
    r"|(?:[uU]&)?'(?:[^']|'')*+(?:'|\Z)"
    rf"|\$(?P<tag>(?:{_LETTER}{_LETTERS})?)\$.*?(?:\$(?P=tag)\$|\Z)",
    Kind.QUOTED: r'(?:[uU]&)?"(?:[^"]|"")*+(?:"|\Z)',
    Kind.WORD: rf"{_LETTER}[A-Za-z0-9_$\x80-\U0010ffff]*",
    Kind.NUMBER: r"[0-9][0-9A-Za-z_]*(?:\.(?!\.)[0-9A-Za-z_]*)?|\.[0-9][0-9A-Za-z_]*",
    Kind.PARAMETER: rf":{_LETTER}{_LETTERS}",
    Kind.POSITIONAL: r"\$[0-9]+",
    Kind.SYMBOL: r"::|:=|.",
}
_TOKEN = re.compile("|".join(f"(?P<{kind.name}>{pattern})" for kind, pattern in _PATTERNS.items()), re.DOTALL)
_BLANKS = re.compile(rf"(?:{_BLANK}|{_TO_END_OF_LINE})++")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def tokens(sql: str) -> Iterator[Token]:
    """Yield the tokens of a text, without blanks and comments.

    In brackets, a colon right after an operand separates the bounds of a slice, as in `days[first:last]`, and does not
    begin a parameter.
    """
    at, before, brackets = 0, None, 0
    while (at := _after_blanks(sql, at)) < len(sql):
        found = _TOKEN.match(sql, at)
        assert found, "a symbol is any character"
        kind = Kind[found.lastgroup or ""]
        if kind is Kind.PARAMETER and brackets and _ends_operand_at(before, at):
            kind, text = Kind.SYMBOL, ":"
        else:
            text = found[0]
        brackets += (text == "[") - (text == "]")
        before = Token(kind, text, at)
        yield before
        at += len(text)


def line_of(sql: str, position: int) -> int:
    """Return the number of the line of a position, from 1."""
    return sql.count("\n", 0, position) + 1


def _ends_operand_at(token: Token | None, at: int) -> bool:
    if token is None or token.start + len(token.text) != at:
        return False
    return token.kind is not Kind.SYMBOL or token.text in (")", "]")


def _after_blanks(sql: str, at: int) -> int:
    """Return the position after blanks and comments, which nest in the form /* … */."""
    while True:
        if found := _BLANKS.match(sql, at):
            at = found.end()
        elif sql.startswith("/*", at):
            at = _after_comment(sql, at)
        else:
            return at


def _after_comment(sql: str, at: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, at):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(sql)
