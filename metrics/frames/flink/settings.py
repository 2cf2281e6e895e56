"""Settings of the counts on Flink, beside those of frames."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES, Size
from metrics.settings.values import NonEmpty, is_http_address, without_user

_MOST_CHARACTERS = 249  # of the name of a topic


def _is_gateway(text: str) -> bool:
    """Return whether a text is an address that paths can follow."""
    return is_http_address(text) and "?" not in text


@dataclass(frozen=True, kw_only=True)
class FlinkSettings(Settings):
    """Settings of frames, and where Flink is."""

    flink_url: Annotated[
        NonEmpty | None,
        Meta(
            description="Address of Flink's SQL gateway, such as http://gateway:8083. Unset: a local Flink.",
            extra={
                "allowed": "http://host:port or https://host:port/path, without a user, a query or blanks",
                "is_allowed": _is_gateway,
                "shown": without_user,
            },
        ),
    ] = None
    flink_topic_suffix: Annotated[
        str,
        Meta(
            pattern=r"^[a-zA-Z0-9._-]{1,248}\Z",
            extra={"allowed": "letters, digits, '.', '_' or '-'; with the name of a topic, at most 249"},
            description="What the names of Flink's own topics have after those of the application.",
        ),
    ] = "-flink"
    flink_checkpoint_s: Annotated[
        int,
        Meta(
            ge=1,
            le=300,
            description="Seconds of wall time from one checkpoint of a job to the next. Its records become visible "
            "with each.",
        ),
    ] = 1
    local_flink_dir: Annotated[
        NonEmpty, Meta(description="Local Flink's folder, relative to the clone or, if installed, the working folder.")
    ] = ".local-flink"

    @property
    def flink_name(self) -> str:
        """The name of the job that counts."""
        return self.consumer_group_id + self.flink_topic_suffix

    def progress_group(self, *, is_of_group: bool) -> str:
        """Return the consumer group that shows how far the job has read: in topics of its own, or since a handover."""
        return f"{self.flink_name}-handover" if is_of_group else self.flink_name

    def flink_topic(self, size: Size) -> str:
        """Return Flink's topic for the records of a window size."""
        return self.topic_of(size) + self.flink_topic_suffix

    def transactional_id(self, size: Size, number: int) -> str:
        """Return a transactional id of the one task that publishes a window size; `number` counts its ids from 0."""
        return f"{self.flink_name}-{size.plural}-0-{number}"

    def conflicts(self, refused: Set[str]) -> Iterator[str]:
        """Refuse names of topics that are too long."""
        yield from super().conflicts(refused)
        for topic in (*map(self.flink_topic, SIZES), self.flink_rejected_topic):
            if len(topic) > _MOST_CHARACTERS:
                suffix = self.flink_topic_suffix
                yield f"FLINK_TOPIC_SUFFIX={suffix!r}: the topic {topic} has more than {_MOST_CHARACTERS} characters"

    @property
    def flink_rejected_name(self) -> str:
        """The name of the job that writes dead letters, and its consumer group."""
        return f"{self.flink_name}-rejected"

    @property
    def flink_rejected_topic(self) -> str:
        """Flink's topic for dead letters."""
        return self.rejected_topic + self.flink_topic_suffix
