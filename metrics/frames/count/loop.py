"""Loop over files, without Kafka: read, decode, count, close."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple, Protocol

from metrics.files.line_reader import Lines
from metrics.frames.core.counter import Counter
from metrics.frames.core.frame import MAX_FRAME_BYTES, Reason, Rejection
from metrics.frames.core.state import State
from metrics.frames.records import Record
from metrics.frames.settings import Settings
from metrics.messages.line import PARTITION, LineMessage

# Monotonic time of the core. Here it is constant: how fast lines come says nothing about their frames. So no partition
# is ever idle, and equal lines give equal records, from a fast disk and from a slow pipe.
NOW_S = 0.0
_TOO_LARGE = Rejection(Reason.TOO_LARGE, f"the line is longer than {MAX_FRAME_BYTES:,} bytes, as no frame may be")


class LineNumber(NamedTuple):
    """Place of a line: the file, and the number of the line in it, from 1."""

    path: Path
    line: int


class CountListener(Protocol):
    """Listener of the loop, called in its thread."""

    def closed(self, records: Iterator[Record]) -> None:
        """Take the records of closed windows: none or very many, all to be consumed."""

    def rejected(self, place: LineNumber, rejection: Rejection) -> None:
        """Take a frame that was rejected."""

    def read(self) -> None:
        """Note that a batch was counted, or the end, after its records and rejected frames were passed on."""


class FileLoop:
    """Loop over the lines of files, one file after another, as one partition that ends with the last of them.

    Attributes:
        counter: the core.
    """

    def __init__(self, settings: Settings) -> None:
        state = State.fresh({PARTITION: 0}, settings.rules())
        self.counter = Counter(state, settings.rules(), gap_limit_s=settings.gap_limit_s, now_s=NOW_S)
        self.counter.resume()
        self._partition = self.counter.partitions[PARTITION]
        self._paths: Sequence[Path] = ()
        self._starts: list[int] = []  # the offset of the first line of each path

    def run(self, lines: Lines, listener: CountListener) -> None:
        """Read, decode, count, close; at the end of the last file, close every window.

        Raises:
            FileError: a file cannot be read to its end.
        """
        self._paths = lines.paths
        for path in lines.paths:
            self._starts.append(self._partition.position)
            for batch in lines.batches(path):
                self._log(batch, listener)
                listener.closed(self.counter.close(NOW_S))
                listener.read()
        self.counter.resolve()
        self._report_rejected(listener)
        listener.closed(self.counter.close_all())
        listener.read()

    def _log(self, lines: Sequence[bytes], listener: CountListener) -> None:
        """Decode and count a batch; offsets continue from one file to the next."""
        position = self._partition.position
        if len(lines) == 1 and len(lines[0]) > MAX_FRAME_BYTES:  # it was truncated
            self._partition.reject(LineMessage(b"", position), _TOO_LARGE)
        else:
            self._partition.count(list(map(LineMessage, lines, count(position))))
        self._partition.read_to(position + len(lines), NOW_S)
        self._report_rejected(listener)

    def _report_rejected(self, listener: CountListener) -> None:
        for message, rejection, *_ in self._partition.take_rejected():
            listener.rejected(self._place_of(message.offset()), rejection)

    def _place_of(self, offset: int) -> LineNumber:
        """Return the place of a line. An empty file starts at the same offset as the next; the last of these has it."""
        number = bisect_right(self._starts, offset) - 1
        return LineNumber(self._paths[number], offset - self._starts[number] + 1)
