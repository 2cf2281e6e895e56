"""A limit on how deep JSON may be nested: ijson keeps a path for each level, so 200 KB of `[` would take gigabytes."""

from itertools import accumulate
from typing import IO

from metrics.errors import FileError

MAX_DEPTH = 100  # a record has 5 levels

_OTHERS = bytes(set(range(256)) - set(b'[]{}"'))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class ShallowJson:
    """A file of JSON, read in pieces, whose values are nested MAX_DEPTH levels deep at most.

    Args:
        name: of the file, in errors.
    """

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self._name = name
        self._file = file
        self._depth = 0
        self._is_in_string = False
        self._escaping = b""  # a backslash at the end of the last piece

    def read(self, size: int) -> bytes:
        """Return the next bytes.

        Raises:
            FileError: they are nested too deeply.
        """
        piece = self._file.read(size)
        self._look_at(piece)
        return piece

    def _look_at(self, piece: bytes) -> None:
        r"""Follow the brackets outside strings. A string goes on after `\"`, unless the backslash is escaped itself."""
        plain = (self._escaping + piece).replace(rb"\\", b"")
        self._escaping = b"\\" if plain.endswith(b"\\") else b""
        parts = plain.replace(rb"\"", b"").translate(None, _OTHERS).split(b'"')
        outside = b"".join(parts[self._is_in_string :: 2])
        self._is_in_string ^= len(parts) % 2 == 0
        if self._depth + _most_levels(outside) > MAX_DEPTH:
            self._require_shallow(outside)
        self._depth += sum(_STEP[bracket] * outside.count(bracket) for bracket in _STEP)

    def _require_shallow(self, outside: bytes) -> None:
        if max(accumulate((_STEP[bracket] for bracket in outside), initial=self._depth)) > MAX_DEPTH:
            raise FileError(
                f"{self._name} is nested too deeply",
                why=f"a value has more than {MAX_DEPTH} levels; records of the catalogue have 5",
                hint="it is not a file of records; nothing was loaded",
            )


def _most_levels(brackets: bytes) -> int:
    """Return an upper bound of the levels that brackets open, found without looking at each of them.

    Each round removes the innermost pairs, one level; what is left has no pair.
    """
    for levels in range(MAX_DEPTH + 1):
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if fewer == brackets:
            return levels + brackets.count(b"[") + brackets.count(b"{")
        brackets = fewer
    return MAX_DEPTH + 1
