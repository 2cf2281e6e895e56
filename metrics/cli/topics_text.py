"""What topics hold and who reads them, in tables: what `app.py topics` prints."""

import re
from collections.abc import Iterator, Sequence

from rich import filesize

from metrics.kafka.topic_facts import Reader, TopicFacts
from metrics.terminal.columns import Column, folded
from metrics.times import Moment

MOST_NAME_COLUMNS = 40
FOLD_BEFORE = "first"
UNKNOWN = "?"
NONE = "-"


def text(topics: Sequence[TopicFacts], width: int | None) -> str:
    """Return what topics hold, and below it who reads them, in lines.

    Args:
        width: columns that a table may have; a wider one is folded. None: there is no limit.
    """
    return "\n".join([*held(topics, width), "", *readers(topics, width)])


def held(topics: Sequence[TopicFacts], width: int | None) -> Iterator[str]:
    """Yield a row a topic."""
    columns = [
        Column("topic", [topic.topic for topic in topics], is_text=True, most=MOST_NAME_COLUMNS),
        Column("partitions", [f"{topic.partitions:,}" for topic in topics]),
        Column("records", [_records(topic) for topic in topics]),
        Column("~bytes", [_size(topic.estimated_bytes) for topic in topics]),
        Column("first", [_time(topic.first, topic) for topic in topics]),
        Column("last", [_time(topic.last, topic) for topic in topics]),
    ]
    yield from folded(columns, width, FOLD_BEFORE)


def readers(topics: Sequence[TopicFacts], width: int | None) -> Iterator[str]:
    """Yield a row for each group that reads a topic."""
    rows = [(topic.topic, reader) for topic in topics for reader in _readers(topic)]
    if not rows:
        yield "no consumer group has committed offsets of " + ("it" if len(topics) == 1 else "any of them")
        return
    columns = [
        Column("topic", [topic for topic, _ in rows], is_text=True, most=MOST_NAME_COLUMNS),
        Column("read by", [reader.group for _, reader in rows], is_text=True, most=MOST_NAME_COLUMNS),
        Column("state", [reader.state or UNKNOWN for _, reader in rows], is_text=True),
        Column("lag", [_number(reader.lag) for _, reader in rows]),
    ]
    yield from folded(columns, width)


def _readers(topic: TopicFacts) -> Sequence[Reader]:
    others = [] if topic.are_all_groups else [Reader(UNKNOWN, None, None)]
    return [*(topic.groups or []), *others]


def _records(topic: TopicFacts) -> str:
    return ("≤ " if topic.are_at_most and topic.records else "") + _number(topic.records)


def _number(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _size(size_bytes: int | None) -> str:
    return UNKNOWN if size_bytes is None else re.sub(r" bytes?$", " B", filesize.decimal(size_bytes))


def _time(moment: Moment | None, topic: TopicFacts) -> str:
    if moment is not None:
        return moment.datetime
    return NONE if topic.records == 0 else UNKNOWN
