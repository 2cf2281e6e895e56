"""Settings of the counts on Flink, beside those of frames."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.frames.settings import Settings
from metrics.frames.sizes import Size
from metrics.settings import NonEmpty


@dataclass(frozen=True, kw_only=True)
class FlinkSettings(Settings):
    """Settings of frames, and where Flink is."""

    flink_url: Annotated[
        NonEmpty | None,
        Meta(description="Address of Flink's SQL gateway, such as http://gateway:8083. Unset: a local Flink."),
    ] = None
    flink_topic_suffix: Annotated[
        str,
        Meta(description="What the names of Flink's own topics have after those of the application."),
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
        """The name of the job, and the consumer group that shows its progress."""
        return self.consumer_group_id + self.flink_topic_suffix

    def flink_topic(self, size: Size) -> str:
        """Return Flink's topic for the records of a window size."""
        return self.topic_of(size) + self.flink_topic_suffix

    def transactional_id(self, size: Size, number: int) -> str:
        """Return a transactional id of the one task that publishes a window size; `number` counts its ids from 0."""
        return f"{self.flink_name}-{size.plural}-0-{number}"

    @property
    def flink_rejected_name(self) -> str:
        """The name of the job that writes dead letters, and its consumer group."""
        return f"{self.flink_name}-rejected"

    @property
    def flink_rejected_topic(self) -> str:
        """Flink's topic for dead letters."""
        return self.rejected_topic + self.flink_topic_suffix
