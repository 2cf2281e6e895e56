"""One SQL statement with named parameters, and the text and values that the server gets for it."""

import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from metrics.catalogue.query.tokens import Kind, Token, line_of, tokens
from metrics.wording.errors import SettingsError
from metrics.wording.text import listed, numbered

# The statements that return rows and change nothing. WITH may contain one that writes; the server refuses it.
QUERIES = ("select", "with", "values", "table")


class Statement(NamedTuple):
    """One query.

    Attributes:
        text: as written.
        tokens: without a semicolon at the end.
        names: of the parameters, in the order of their first uses.
    """

    text: str
    tokens: Sequence[Token]
    names: Sequence[str]

    def numbered(self) -> str:
        """Return the text with `$1`, `$2`, … for the parameters, numbered as in `names`."""
        parts, at = [], 0
        for token in self.tokens:
            if token.kind is Kind.PARAMETER:
                # Blanks around it: without them, `:a:b` would be read as `$1$2`, and `1:a` as `1$1`.
                parts += [self.text[at : token.start], f" ${self.names.index(token.text[1:]) + 1} "]
                at = token.start + len(token.text)
        last = self.tokens[-1]
        return "".join([*parts, self.text[at : last.start + len(last.text)]])

    def ordered(self, values: Mapping[str, str]) -> list[str]:
        """Return the values of the parameters, in the order of `names`.

        Raises:
            SettingsError: some are missing, or not used.
        """
        missing = [name for name in self.names if name not in values]
        unused = [name for name in values if name not in self.names]
        if not missing and not unused:
            return [values[name] for name in self.names]
        wrong = [f"{listed(missing)} {_is(missing)} not given"] if missing else []
        wrong += [f"{listed(unused)} {_is(unused)} not in the query"] if unused else []
        raise SettingsError(f"wrong parameters: {', '.join(wrong)}", hint=self._how_to_give(missing, unused))

    def _how_to_give(self, missing: Sequence[str], unused: Sequence[str]) -> str:
        meant = {name: difflib.get_close_matches(name, self.names, 1) for name in unused}
        lines = [f"did you mean {close[0]} instead of {name}?" for name, close in meant.items() if close]
        if missing:
            lines.append("give " + " ".join(f"-p {name}=…" for name in missing))
        elif not lines:
            lines.append(f"it has {listed(self.names)}" if self.names else "it has no parameters: leave out -p")
        return "\n".join(lines)


def statement_of(text: str) -> Statement:
    """Return the statement in a text; a semicolon at its end is left out.

    Raises:
        SettingsError: there is none, there are several, it is not a query, or it has parameters such as $1.
    """
    found = list(tokens(text))
    while found and found[-1].text == ";":
        found.pop()
    if not found:
        raise SettingsError("the query is empty", hint="write a SELECT")
    if second := _after_semicolon(found):
        raise SettingsError(
            "there is more than one statement",
            why=f"another begins in line {line_of(text, second.start)}, after a semicolon",
            hint="run them one by one, or join them by WITH",
        )
    first = next((token for token in found if token.text != "("), found[0])
    if not first.is_word(*QUERIES):
        raise SettingsError(
            f"{first.text.upper()[:20]} is not a query",
            why="queries are read-only",
            hint="begin with SELECT, WITH, VALUES or TABLE",
        )
    _refuse_positional(text, found)
    names = dict.fromkeys(token.text[1:] for token in found if token.kind is Kind.PARAMETER)
    return Statement(text, found, [*names])


def _after_semicolon(found: Sequence[Token]) -> Token | None:
    """Return the first token of a second statement."""
    ends = [at for at, token in enumerate(found) if token.text == ";"]
    return found[ends[0] + 1] if ends else None


def _refuse_positional(text: str, found: Sequence[Token]) -> None:
    for token in found:
        if token.kind is Kind.POSITIONAL:
            raise SettingsError(
                f"line {line_of(text, token.start)}: the parameter {token.text} has no name",
                hint="write :name, and give -p name=VALUE",
            )


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def parameters_of(options: Sequence[str]) -> dict[str, str]:
    """Return the parameters given by -p NAME=VALUE.

    Raises:
        SettingsError: some are malformed, or given twice.
    """
    malformed = [option for option in options if "=" not in option or option.startswith("=")]
    if malformed:
        raise SettingsError(
            f"{numbered(len(malformed), 'parameter')} without a name or a value: {listed(malformed)}",
            hint="write each as -p NAME=VALUE",
        )
    values: dict[str, str] = {}
    for option in options:
        name, _, value = option.partition("=")
        name = name.removeprefix(":")
        if name in values:
            raise SettingsError(f"the parameter {name} is given twice", hint="give it once")
        values[name] = value
    return values
