"""Elements of a JSON array, as texts, from a stream in bounded memory.

Only their boundaries are found here. Their texts are read by the parser that also reads records of topics, so a record
is accepted or rejected alike wherever it comes from, and a rejected one keeps its own text.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import IO, Any

import msgspec

from metrics.wording.errors import FileError

MAX_DEPTH = 100  # a record has 5 levels
MAX_BYTES = 16 << 20
_PIECE_BYTES = 1 << 16
_SPACES = b" \t\n\r"


@cache
def _element(end: bytes = rb"([,\]])") -> re.Pattern[bytes]:
    """Return the pattern of an element and what follows, a comma or bracket; no part of it is matched twice."""
    string = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    plain = rb'[^"\[\]{}]++|' + string
    inside = rb"(?:" + plain + rb")*+"
    for _ in range(MAX_DEPTH - 2):  # the array is the first level, the element the second
        inside = rb"(?:" + plain + rb"|[\[{]" + inside + rb"[\]}])*+"
    value = rb"[\[{]" + inside + rb"[\]}]|" + string + rb'|[^"\[\]{},\s]++'
    return re.compile(rb"[ \t\n\r]*+(" + value + rb")[ \t\n\r]*+" + end, re.DOTALL)


def _parser_error(text: bytes, kind: Any) -> str:
    """Return what the parser says of JSON; empty if it is valid so far, but too deep, or valid."""
    try:
        msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        return str(error)
    except RecursionError:
        pass
    return ""


class _AnyArray(msgspec.Struct, array_like=True):
    """An array whose members are skipped: a list of 8 million would take 500 MB."""


_CUT = _parser_error(b"[", _AnyArray)  # only by its text does this error differ from others


class Elements:
    """Elements of the array in a file, to be read once.

    Args:
        name: of the file, in errors.
        file: at its beginning.

    Attributes:
        number: of the element that was read last.

    Raises:
        FileError: it is not an array.
    """

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.number = 0
        self._name = name
        self._file = file
        self._buffer = b""
        while not self._buffer.lstrip(_SPACES) and self._read():
            self._buffer = self._buffer.lstrip(_SPACES)
        if not self._buffer.startswith(b"["):
            found = f"it begins with {self._buffer[:20]!r}" if self._buffer else "it is empty"
            raise FileError(
                f"{name} is not a JSON array", why=found, hint="write the records as [{…}, {…}], in UTF-8 without a BOM"
            )

    def __iter__(self) -> Iterator[str]:
        """Yield the elements.

        Raises:
            FileError: the file cannot be read completely as JSON, is not UTF-8, or has an element that is too large.
        """
        match, position = _element().match, 1
        if self._is_empty_array():
            return
        while True:
            found = match(self._buffer, position)
            if found is None:
                self._buffer, position = self._buffer[position:], 0
                if len(self._buffer) > MAX_BYTES or not self._read():
                    raise self._no_element()
                continue
            self.number += 1
            yield self._text(found[1])
            position = found.end()
            if found[2] == b"]":
                self._require_end(position)
                return

    def _read(self) -> bool:
        """Add a piece to the buffer, at least as long as the buffer itself; return false at the end of the file."""
        have = len(self._buffer)
        piece = self._file.read(min(max(_PIECE_BYTES, have), MAX_BYTES + 1 - have))
        self._buffer += piece
        return bool(piece)

    def _is_empty_array(self) -> bool:
        while not (rest := self._buffer[1:].lstrip(_SPACES)) and self._read():
            self._buffer = b"[" + self._buffer[1:].lstrip(_SPACES)
        if rest.startswith(b"]"):
            self._require_end(len(self._buffer) - len(rest) + 1)
        return rest.startswith(b"]")

    def _text(self, element: bytes) -> str:
        try:
            return element.decode()
        except UnicodeDecodeError as error:
            raise FileError(
                f"{self._name} is not UTF-8",
                why=f"record {self.number} has a byte 0x{element[error.start]:02x} that is not valid there",
                hint="convert it; from Latin-1, for example: iconv -f latin1 -t utf-8; nothing was loaded",
            ) from error

    def _require_end(self, position: int) -> None:
        rest = self._buffer[position:]
        while not rest.strip(_SPACES):
            rest = self._file.read(_PIECE_BYTES)
            if not rest:
                return
        raise self._cut(f"the array ends, but {rest.lstrip(_SPACES)[:20]!r} follows")

    def _no_element(self) -> FileError:
        """Return the error for a buffer that does not begin with an element and a comma or bracket."""
        begun = self._buffer.lstrip(_SPACES)
        too_long = self._cut(f"no record ends within {MAX_BYTES >> 20} MB") if len(self._buffer) > MAX_BYTES else None
        if found := _element(b"").match(begun):
            rest = begun[found.end() :][:20]
            follows = f"{rest!r} follows instead of a comma" if rest else "the file ends without a closing bracket"
            return too_long if too_long and not rest else self._not_json(f"after record {self.number + 1}: {follows}")
        of_record, of_all = _parser_error(begun, msgspec.Raw), _parser_error(b"[0," + begun, _AnyArray)
        if too_long and of_record == _CUT:
            return too_long
        if of_record == _CUT or (of_record and of_all not in ("", _CUT)):
            return self._not_json(f"record {self.number + 1}: {of_record}")
        return FileError(
            f"{self._name} is nested too deeply",
            why=f"a value has more than {MAX_DEPTH} levels; records of the catalogue have 5",
            hint="it is not a file of records; nothing was loaded",
        )

    def _cut(self, reason: str) -> FileError:
        return self._not_json(f"after record {self.number}: {reason}")

    def not_json(self, reason: str) -> FileError:
        """Return the error for a file whose element that was read last is not JSON."""
        return self._not_json(f"record {self.number}: {reason}")

    def _not_json(self, why: str) -> FileError:
        return FileError(
            f"{self._name} cannot be read completely as JSON",
            why=why,
            hint="it may be cut: get it again; nothing was loaded",
        )
