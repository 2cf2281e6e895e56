"""The entries of one partition as a walk goes through them: those ahead, and what is remembered of those behind."""

from collections import deque
from collections.abc import Iterator

from metrics.frames.verify.republished.entry import Content, Entry


class Lane:
    """The entries of one partition, and those of them that were looked at in advance.

    Attributes:
        number: how many entries were seen so far.
        sum: the sum of what they hold: with their number, it tells one set of entries from another.
    """

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self.ahead: deque[Entry] = deque()
        self.number = self.sum = 0

    def head(self) -> Entry | None:
        """Return the next entry, and leave it."""
        if not self.ahead:
            self.look(1)
        return self.ahead[0] if self.ahead else None

    def look(self, number: int) -> int:
        """Look ahead; returns how many entries are there, more than `number` only if they were before."""
        while len(self.ahead) < number:
            entry = next(self._entries, None)
            if entry is None:
                break
            self.ahead.append(entry)
            self.number += 1
            self.sum += hash(entry.content)
        return len(self.ahead)

    def see_all(self) -> None:
        """See the rest, and take it."""
        while self.head() is not None:
            self.ahead.clear()

    def take(self, number: int) -> list[Entry]:
        """Take entries that were looked at."""
        return [self.ahead.popleft() for _ in range(number)]


class Recent:
    """The offsets of frames that were found a short while ago, by content: of the last `most`, and some more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._newer: dict[Content, int] = {}
        self._older: dict[Content, int] = {}

    def put(self, content: Content, offset: int) -> None:
        """Remember a frame."""
        self._newer[content] = offset
        if len(self._newer) > self._most:
            self._newer, self._older = {}, self._newer

    def get(self, content: Content) -> int | None:
        """Return the offset of a frame that is remembered."""
        return self._newer.get(content, self._older.get(content))
