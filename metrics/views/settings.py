"""Settings of views: its topics, its tables, how much one transaction contains."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.cli.log_settings import LogSettings
from metrics.kafka.settings import GroupId, KafkaSettings, TopicName
from metrics.monitoring.settings import MonitoringSettings
from metrics.postgres.settings import PostgresSettings
from metrics.settings.declared import Declared
from metrics.web.settings import WebSettings

MIN_LINE_BYTES, MAX_LINE_BYTES = 1_024, 1 << 20

SchemaName = Annotated[
    str,
    Meta(
        pattern=r"^(?!pg_)[a-z_][a-z0-9_]{0,62}\Z",
        extra={"allowed": "1 to 63 lower-case letters, digits or underscores, neither a digit nor 'pg_' first"},
    ),
]


@dataclass(frozen=True, kw_only=True)
class ViewsOnlySettings(Declared):
    """Settings that only views has."""

    views_topic: Annotated[TopicName, Meta(description="Topic of view events.")] = "view-events"
    views_rejected_topic: Annotated[
        TopicName, Meta(description="Dead letter topic of views: rejected lines, with the reasons.")
    ] = "view-events-rejected"
    views_schema: Annotated[
        SchemaName, Meta(description="PostgreSQL schema of the tables of views; one for each VIEWS_TOPIC.")
    ] = "views"
    views_batch: Annotated[int, Meta(ge=1, le=100_000, description="Most view events that one transaction counts.")] = (
        20_000
    )
    views_commit_s: Annotated[
        float,
        Meta(
            ge=0.05,
            le=60,
            description="Longest time, in seconds of wall time, that a view event waits for its transaction.",
            extra={"allowed": "a number, 0.05 to 60"},
        ),
    ] = 1
    views_line_limit: Annotated[
        int,
        Meta(
            ge=MIN_LINE_BYTES,
            le=MAX_LINE_BYTES,
            description="Longest view event that the API and `views send` accept, in bytes.",
        ),
    ] = 65_536
    views_minutes_days: Annotated[
        int,
        Meta(
            ge=1,
            le=36_500,
            description="How many days before now the trends by minute go back; trends by hour and day are kept "
            "for ever.",
        ),
    ] = 31
    views_partitions: Annotated[
        int, Meta(ge=1, le=10_000, description="Partitions of VIEWS_TOPIC, if this program creates it.")
    ] = 4

    def views_topics(self) -> dict[str, str]:
        """Return the topics in use by the variables that name them."""
        return {"VIEWS_TOPIC": self.views_topic, "VIEWS_REJECTED_TOPIC": self.views_rejected_topic}

    def conflicts(self, refused: Set[str]) -> Iterator[str]:
        """Refuse one topic in two roles."""
        yield from super().conflicts(refused)
        if self.views_topic == self.views_rejected_topic and not refused & {"VIEWS_TOPIC", "VIEWS_REJECTED_TOPIC"}:
            yield (
                f"VIEWS_REJECTED_TOPIC={self.views_rejected_topic!r}: must be a topic of its own, "
                "but VIEWS_TOPIC names the same one"
            )


@dataclass(frozen=True, kw_only=True)
class ViewsSettings(LogSettings, MonitoringSettings, WebSettings, PostgresSettings, KafkaSettings, ViewsOnlySettings):
    """Settings of one run of views."""

    consumer_group_id: GroupId = "views"
