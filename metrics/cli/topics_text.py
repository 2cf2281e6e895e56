"""Topics and their consumer groups, in tables: the output of `topics`."""

from collections.abc import Sequence

from rich.table import Table

from metrics.kafka.topic_facts import Reader, TopicFacts
from metrics.terminal.console import say
from metrics.terminal.streams import require_open
from metrics.terminal.tables import new_table, say_folded
from metrics.time.moments import Moment
from metrics.wording.text import in_line

FOLD_BEFORE = "first"
UNKNOWN = "?"


def show(topics: Sequence[TopicFacts]) -> None:
    """Print a table of topics, and one of the groups that read them."""
    require_open()
    if not topics:
        say("no topics")
        return
    say_folded(sizes(topics), FOLD_BEFORE)
    say("")
    if any(_readers(topic) for topic in topics):
        say_folded(readers(topics))
    else:
        say("no consumer group has committed offsets for " + ("it" if len(topics) == 1 else "any of them"))


def sizes(topics: Sequence[TopicFacts]) -> Table:
    """Return a row for each topic."""
    table = new_table("topic", "partitions", "records", FOLD_BEFORE, "last", texts=["topic"])
    for topic in topics:
        table.add_row(
            topic.topic, f"{topic.partitions:,}", _records(topic), _time(topic.first, topic), _time(topic.last, topic)
        )
    return table


def readers(topics: Sequence[TopicFacts]) -> Table:
    """Return a row for each group that reads a topic."""
    table = new_table("topic", "read by", "state", "lag", texts=["topic", "read by", "state"])
    for topic in topics:
        for reader in _readers(topic):
            table.add_row(topic.topic, in_line(reader.group), reader.state or UNKNOWN, _number(reader.lag))
    return table


def _readers(topic: TopicFacts) -> Sequence[Reader]:
    others = [] if topic.are_all_groups else [Reader(UNKNOWN, None, None)]
    return [*(topic.groups or []), *others]


def _records(topic: TopicFacts) -> str:
    return ("≤ " if topic.are_at_most and topic.records else "") + _number(topic.records)


def _number(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _time(moment: Moment | None, topic: TopicFacts) -> str:
    if moment is not None:
        return moment.datetime
    return "-" if topic.records == 0 else UNKNOWN
