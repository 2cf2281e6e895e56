"""`topics`: lists topics and their consumer groups; creates and deletes topics."""

import sys
from collections.abc import Collection, Sequence
from typing import Annotated, cast

import msgspec
import typer
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.cli import topics_text
from metrics.cli.registry import STYLE, Command, Commands, ListByDefault
from metrics.cli.reporting import reporting
from metrics.cli.topic_owner import TopicOwner
from metrics.cli.use_broker import use_broker
from metrics.kafka import topic_changes, topic_facts
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import Partition
from metrics.kafka.settings import KafkaSettings
from metrics.kafka.topic_changes import Asked
from metrics.kafka.topics import partition_counts
from metrics.terminal.console import as_started, note, say, say_lines, warn
from metrics.wording.errors import SettingsError, TopicError
from metrics.wording.text import numbered

# Prefixes of the broker's own topics, and of those of its tools.
OWN_OF_BROKER = "__"
HIDDEN = "_"


topics = typer.Typer(
    name="topics",
    cls=ListByDefault,
    add_completion=False,
    help="List, create and delete topics; `topics [NAME…] [--all] [--json]` is `topics list`.\n\n"
    + as_started("Example: `python app.py topics`"),
    **STYLE,
)

Names = Annotated[list[str], typer.Argument(metavar="NAME", help="Names of topics.", show_default=False)]


def list_topics(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Topics to show.", show_default="all but those that begin with _"),
    ] = None,
    *,
    with_all: Annotated[bool, typer.Option("--all", help="Show those that begin with _, too.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per topic and line, for machines.")
    ] = False,
) -> None:
    """Show the size and time range of topics, and the lag of each consumer group; read-only.

    *records* is a distance of offsets, up to the last committed record. Some offsets hold no record, because a
    transaction ended there, or because the record was compacted away or aborted: `≤` marks an upper bound.

    *first* and *last* are the timestamps of the first and last record; those of results are the starts of windows.

    *lag* counts offsets from a group's position to the last record; in a partition without a committed offset, from the
    first record.

    A last record more than 10 offsets before the end, after an aborted transaction, is not searched for: then offsets
    count up to the end. `?` marks a time that is unknown for this reason, and what the broker did not answer.

    Example: `python app.py topics trial --json`
    """
    with use_broker(KafkaSettings, note) as settings:
        admin = open_admin(settings)
        existing = partition_counts(admin)
        visible = [name for name in existing if with_all or not name.startswith(HIDDEN)]
        shown = _existing(existing, names) if names else visible
        found = _look(admin, settings, {name: existing[name] for name in shown}, _owners(ctx))
        if as_json:
            say_lines(msgspec.json.encode(topic).decode() for topic in found)
        else:
            topics_text.show(found)


def create(
    ctx: typer.Context,
    names: Names,
    *,
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            metavar="N",
            help="Partitions of each topic.",
            show_default="1, unless the settings say otherwise",
        ),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, metavar="N", help="Replicas of each partition.", show_default="the broker's default"
        ),
    ] = None,
    config: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Topic setting, by its name in Kafka; may be repeated."),
    ] = None,
) -> None:
    """Create topics: all of them, or none if the broker refuses one.

    Topics that this application uses (such as INPUT_TOPIC) get the settings it needs, unless --config says otherwise. A
    topic that exists stays as it is; it is an error if it differs from the options.

    Example: `python app.py topics create trial --partitions 4 --config retention.ms=3600000`
    """
    asked = Asked(partitions, replication_factor, _config_of(config or []))
    defaults = {name: needed for owner in _owners(ctx) for name, needed in owner.defaults().items()}
    with use_broker(KafkaSettings) as settings:
        created = topic_changes.create(open_admin(settings), [*dict.fromkeys(names)], asked, defaults)
        for name, is_new in created.items():
            say(f"topic {name}: {'created' if is_new else 'exists'}")


def delete(
    ctx: typer.Context,
    names: Names,
    *,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete topics and their contents, after showing them and asking for confirmation.

    If standard input is not a terminal, --yes is required; without it, nothing is deleted.

    Topics that an active instance of this application uses are not deleted, nor are the broker's own (`__…`).

    Example: `python app.py topics delete trial`
    """
    names = [*dict.fromkeys(names)]
    with use_broker(KafkaSettings) as settings:
        admin = open_admin(settings)
        existing = partition_counts(admin)
        if own := [name for name in _existing(existing, names) if name.startswith(OWN_OF_BROKER)]:
            raise TopicError(
                f"{' and '.join(own)}: not deleted",
                why="the broker keeps its own state there: offsets of groups, and transactions",
                hint="leave it out",
            )
        owners = _owners(ctx)
        warnings = [warning for owner in owners for warning in owner.check_deletion(admin, settings, names)]
        topics_text.show(_look(admin, settings, {name: existing[name] for name in names}, owners))
        for warning in warnings:
            warn(warning)
        if is_sure or _is_confirmed(names):
            topic_changes.delete(admin, names)
            say("\n".join(f"topic {name}: deleted" for name in names))
        else:
            say("nothing was deleted")


topics.command("list", cls=Command)(reporting(list_topics))
topics.command("create", cls=Command)(reporting(create))
topics.command("delete", cls=Command)(reporting(delete))


def _existing(existing: Collection[str], names: Sequence[str]) -> list[str]:
    """Return names, each once.

    Raises:
        TopicError: a topic does not exist.
    """
    if missing := [name for name in dict.fromkeys(names) if name not in existing]:
        raise TopicError(
            f"the broker has no topic {' and no topic '.join(missing)}",
            hint="python app.py topics --all lists them",
        )
    return [*dict.fromkeys(names)]


def _owners(ctx: typer.Context) -> list[TopicOwner]:
    return cast("Commands", ctx.find_root().command).topic_owners()


def _look(
    admin: AdminClient, settings: KafkaSettings, partitions: dict[str, int], owners: Sequence[TopicOwner]
) -> list[topic_facts.TopicFacts]:
    def positions(offsets: Sequence[TopicPartition]) -> dict[Partition, int]:
        return {place: at for owner in owners for place, at in owner.positions(offsets).items()}

    found, remarks = topic_facts.of_topics(admin, settings, partitions, positions)
    for remark in remarks:
        warn(remark)
    return found


def _config_of(texts: Sequence[str]) -> dict[str, str]:
    """Read settings of topics, such as `retention.ms=1000`.

    Raises:
        SettingsError: one is malformed, or two contradict each other.
    """
    config: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not key or not separator:
            raise SettingsError(
                f"invalid --config {text}: not KEY=VALUE", hint="write it as --config retention.ms=3600000"
            )
        if config.setdefault(key, value) != value:
            raise SettingsError(f"--config gives {key} two values, {config[key]} and {value}", hint="give one of them")
    return config


def _is_confirmed(names: Sequence[str]) -> bool:
    """Ask for confirmation.

    Raises:
        SettingsError: standard input is not a terminal.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise SettingsError(
            "refusing to delete without confirmation: standard input is not a terminal",
            hint=f"to delete without confirmation: python app.py topics delete {' '.join(names)} --yes",
        )
    try:
        return typer.confirm(f"delete {numbered(len(names), 'topic')} for good?", default=False, err=True)
    except typer.Abort as abort:
        note("")  # the cursor is still in the line of the question
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        return False
