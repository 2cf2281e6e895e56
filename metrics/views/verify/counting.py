"""The topic, counted again in pieces, whose sums are kept on disk."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter

from confluent_kafka import Message

from metrics.views.core.recount import PartitionCounts, Recount
from metrics.views.verify.matching import Row
from metrics.views.verify.runs import SortedRuns
from metrics.views.verify.seen import SeenIds

PIECE_RECORDS = 100_000


class TopicRecount:
    """Recount of a topic; beside the ids and a row for each item, one piece is in memory.

    Attributes:
        counts: outcomes of the records of each partition.
        viewers: (user,)
        user_media: (media, user, waypoints)
        media_quarter, media_minute: (start, media, waypoints, starts, stops, ends)
    """

    def __init__(self, seen: SeenIds, since: int) -> None:
        self.counts: defaultdict[int, PartitionCounts] = defaultdict(PartitionCounts)
        self.viewers = SortedRuns(1, 1)
        self.user_media = SortedRuns(2, 3)
        self.media_quarter = SortedRuns(2, 6)
        self.media_minute = SortedRuns(2, 6)
        self._seen = seen
        self._since = since

    def take(self, partition: int, messages: Iterator[Message]) -> Iterator[Row]:
        """Count the records of a partition; yield the partition, offset and reasons of each invalid one.

        Raises:
            FileError: the sums cannot be written to disk.
        """
        counts = self.counts[partition]
        is_at_end = False
        while not is_at_end:
            piece = Recount(self._since, self._seen.is_first)
            for message in islice(messages, PIECE_RECORDS):
                piece.take(partition, message.offset() or 0, message.value())
            added = piece.counts[partition]
            counts.read += added.read
            counts.counted += added.counted
            counts.duplicates += added.duplicates
            counts.invalid += added.invalid
            self._keep(piece)
            yield from ((*place, reasons) for place, reasons in piece.invalid.items())
            is_at_end = added.read < PIECE_RECORDS

    def _keep(self, piece: Recount) -> None:
        self.viewers.add((user,) for user in piece.viewers)
        self.user_media.add((*key, waypoints) for key, waypoints in piece.user_media.items())
        self.media_quarter.add((start, media, *sums) for (media, start), sums in piece.media_quarter.items())
        self.media_minute.add((start, media, *sums) for (media, start), sums in piece.media_minute.items())

    def media(self) -> list[Row]:
        """Return the row of each item: waypoints, starts, stops, ends, viewers, sum of squares."""
        rows: defaultdict[int, list[int]] = defaultdict(lambda: [0] * 6)
        for _, media, *sums in self.media_quarter:
            row = rows[media]
            for column, number in enumerate(sums):
                row[column] += number
        for media, _, waypoints in self.user_media:
            rows[media][4] += 1
            rows[media][5] += waypoints**2
        return [(media, *rows[media]) for media in sorted(rows)]


def by_time(rows: SortedRuns) -> Iterator[Row]:
    """Yield the sums of all items by time, of rows by time and item."""
    for start, same in groupby(rows, itemgetter(0)):
        yield start, *map(sum, zip(*(row[2:] for row in same), strict=True))
