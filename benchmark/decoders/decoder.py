"""What a decoder is, and a format."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Fields = tuple[int, str]


class Format(NamedTuple):
    """A way to write a frame.

    Attributes:
        how: a frame is written in it, in words.
        encode: makes it of a frame's JSON.
    """

    name: str
    how: str
    encode: Callable[[bytes], bytes]


class Decoder(NamedTuple):
    """One way to get ts and uid out of a frame.

    Attributes:
        read: what is measured. It takes the bytes of a frame, or a list of them where there is a batch.
        fields: returns ts and uid of each frame, of what `read` returned; raises where that is a refusal. None: it
            reads no field.
        batch: how many frames `read` takes at once; None: one, and no list.
    """

    name: str
    format: Format
    read: Callable[[Any], Any]
    fields: Callable[[Any], Sequence[Fields]] | None
    batch: int | None = None

    def inputs(self, values: Sequence[bytes]) -> Sequence[Any]:
        """Return what `read` is called with, call by call, for these frames."""
        if self.batch is None:
            return values
        return [list(values[first : first + self.batch]) for first in range(0, len(values), self.batch)]
