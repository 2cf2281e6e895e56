"""What the log says about invalid records: the first ones in full, then a number now and then."""

from collections.abc import Iterator, Sequence

from metrics.views.job.batch import InvalidRecord
from metrics.wording.text import numbered

MOST_NAMED = 5
EVERY_S = 60.0


class InvalidRecords:
    """Lines about the invalid records of a topic, so few that a flood of them does not fill the log."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._named = self._unnamed = 0
        self._said_at_s = float("-inf")

    def lines(self, records: Sequence[InvalidRecord], now_s: float) -> Iterator[str]:
        """Yield the lines that are due, with the records of one more commit.

        Args:
            now_s: seconds of a clock that never goes back.
        """
        named = records[: max(0, MOST_NAMED - self._named)]
        self._named += len(named)
        self._unnamed += len(records) - len(named)
        for record in named:
            where = f"{self._topic}/{record.partition} offset {record.offset}"
            yield f"not a view event: {where}: {'; '.join(record.reasons)}"
        if self._unnamed and now_s - self._said_at_s >= EVERY_S:
            yield f"{numbered(self._unnamed, 'more invalid record')} in {self._topic}; all are in the table invalid"
            self._unnamed, self._said_at_s = 0, now_s
