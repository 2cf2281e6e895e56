"""Answers of frames to the command `topics`; see metrics.cli.topic_owner."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.frames.saved_state import from_offsets
from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES
from metrics.frames.status import observe
from metrics.frames.status.facts import Activity
from metrics.frames.topics_in_use import configurations
from metrics.kafka.offsets import Partition
from metrics.kafka.settings import KafkaSettings
from metrics.kafka.topic_changes import Defaults
from metrics.wording.errors import StateError, TopicError

_MEANING = {
    "INPUT_TOPIC": "deletes its frames and the state of the group {group}; the next run starts from the beginning, and "
    "refuses to while result topics have records",
    **{
        size.topic_setting.upper(): f"deletes the {size.plural} published so far; they are not published again"
        for size in SIZES
    },
    "REJECTED_TOPIC": "deletes the frames rejected so far, and which of them were replayed",
    "OUTPUT_STREAM": "deletes the frames republished so far; they are not republished again",
}


def defaults() -> Mapping[str, Defaults]:
    """Return the settings that `prepare-topics` creates each topic with."""
    return {name: Defaults(config) for name, config in configurations(Settings.load()).items()}


def positions(offsets: Sequence[TopicPartition]) -> dict[Partition, int]:
    """Return the positions of a group that counts frames.

    Its committed offsets are restart offsets, those of the earliest frames that open windows need; the positions are
    in the state beside them.
    """
    found: dict[Partition, int] = {}
    for topic in {offset.topic for offset in offsets}:
        try:
            saved = from_offsets(offset for offset in offsets if offset.topic == topic)
        except StateError:
            continue
        if saved is not None:
            found |= {(topic, number): at.position for number, at in saved.state.partitions.items()}
    return found


def check_deletion(admin: AdminClient, broker: KafkaSettings, names: Collection[str]) -> Sequence[str]:
    """Check that no instance is active on topics in use; return the losses that deleting them causes."""
    settings = dataclasses.replace(Settings.load(), bootstrap_servers=broker.bootstrap_servers)
    own = {variable: name for variable, name in settings.topics().items() if name in names}
    return [*_check_not_in_use(admin, settings, own.values()), *_losses(settings, own)] if own else []


def _check_not_in_use(admin: AdminClient, settings: Settings, own: Collection[str]) -> Iterator[str]:
    match observe.activity(admin, settings):
        case Activity.ACTIVE:
            raise TopicError(
                f"{' and '.join(own)}: in use, nothing was deleted",
                why=f"an instance of the group {settings.consumer_group_id} is active",
                hint="stop it first (Ctrl-C or SIGTERM)",
            )
        case Activity.ON_FLINK:
            raise TopicError(
                f"{' and '.join(own)}: in use, nothing was deleted",
                why=f"the group {settings.consumer_group_id} is handed over to Flink",
                hint="bring it back first: python app.py flink stop --to-group",
            )
        case Activity.SILENT:
            yield (
                f"the instance of the group {settings.consumer_group_id} did not stop cleanly and no longer commits: "
                "it was killed, hangs or is cut off"
            )
        case _:
            pass


def _losses(settings: Settings, own: Mapping[str, str]) -> Iterator[str]:
    for variable, name in own.items():
        meaning = _MEANING[variable].format(group=settings.consumer_group_id)
        yield f"{name} is this application's {variable}; this {meaning}"
