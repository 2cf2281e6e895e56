"""Text that a terminal shows and does not obey."""

import re

# What a terminal obeys rather than shows: C0 without tab and newline, DEL, C1, and what turns the direction of text.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile(r"[\t\n\u2028\u2029]")


def escaped(text: str) -> str:
    r"""Return text of several lines with its control characters as escapes; tabs and newlines stay. ESC is `\x1b`."""
    return _CONTROLS.sub(_escape, text)


def in_line(name: str) -> str:
    r"""Return a foreign name, of a group or a file, that stays in its line and column: a newline in it is `\n`."""
    return _BREAKS.sub(_escape, escaped(name))


def _escape(control: re.Match[str]) -> str:
    return ascii(control[0])[1:-1]
