"""Settings of frames: its topics, how frames are judged, what `serve` keeps."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.frames.core.state import GUARD_VERSION, Rules
from metrics.kafka.settings import GroupId, KafkaSettings, TopicName
from metrics.monitoring.settings import MonitoringSettings
from metrics.times import LAST_SECOND
from metrics.web.settings import WebSettings


@dataclass(frozen=True, kw_only=True)
class Settings(MonitoringSettings, WebSettings, KafkaSettings):
    """Settings of one run of frames.

    Durations are whole seconds of event time unless their meaning says otherwise.
    """

    consumer_group_id: GroupId = "frames-metrics"
    input_topic: Annotated[TopicName, Meta(description="Topic the frames come from.")] = "frames"
    sec_metrics_output_topic: Annotated[TopicName, Meta(description="Topic for frames per second.")] = (
        "frames-per-second"
    )
    min_metrics_output_topic: Annotated[TopicName, Meta(description="Topic for unique users per minute.")] = (
        "unique-users-per-minute"
    )
    output_stream: Annotated[
        TopicName | None,
        Meta(description="Topic that every valid frame is republished to, its bytes unchanged. Unset: none is."),
    ] = None
    print_interval: Annotated[
        int, Meta(ge=1, description="Frames between two lines of execution metrics with `--verbose`.")
    ] = 10_000
    rejected_topic: Annotated[
        TopicName,
        Meta(description="Topic for frames that are not counted, with the reason in their headers."),
    ] = "frames-rejected"
    lateness_s: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Allowed lateness: how far a frame may be behind the newest one of its partition "
            "and still count.",
        ),
    ] = 5
    future_limit_s: Annotated[
        int,
        Meta(
            ge=60,
            le=LAST_SECOND,
            description="How far ahead of its partition's event time a frame may be and still count although the "
            "frames after it do not confirm its time; event time then stays where it is.",
        ),
    ] = 300
    idle_s: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="Seconds of wall time after which a partition that was read to its end, and whose event time "
            "has not moved on, counts as idle and no longer keeps windows open.",
        ),
    ] = 10
    align_s: Annotated[
        int,
        Meta(
            ge=1,
            le=LAST_SECOND,
            description="How far a partition may run ahead of the slowest in event time; it then waits for that one, "
            "so that skew or a backlog cannot fill the memory.",
        ),
    ] = 120
    gap_limit_s: Annotated[
        int,
        Meta(
            ge=0,
            le=31_536_000,
            description="Longest stretch without frames that gets rows of 0. A longer one gets none; the next record "
            "tells its length.",
        ),
    ] = 3_600
    keep_seconds: Annotated[
        int,
        Meta(
            ge=60,
            le=86_400,
            description="Seconds that `serve` reads back at its start and keeps in memory; the page shows 600.",
        ),
    ] = 3_600
    keep_minutes: Annotated[
        int,
        Meta(
            ge=60,
            le=44_640,
            description="Minutes that `serve` reads back at its start and keeps in memory; the page shows 240.",
        ),
    ] = 1_440

    def topics(self) -> dict[str, str]:
        """Return the variable that names each topic in use, and the topic's name."""
        names = {
            "INPUT_TOPIC": self.input_topic,
            "SEC_METRICS_OUTPUT_TOPIC": self.sec_metrics_output_topic,
            "MIN_METRICS_OUTPUT_TOPIC": self.min_metrics_output_topic,
            "REJECTED_TOPIC": self.rejected_topic,
        }
        if self.output_stream is not None:
            names["OUTPUT_STREAM"] = self.output_stream
        return names

    def rules(self) -> Rules:
        """Return what frames are judged by."""
        return Rules(self.lateness_s, self.future_limit_s, GUARD_VERSION)

    def result_topics(self) -> tuple[str, ...]:
        """Return the topics that records of windows go to."""
        return self.sec_metrics_output_topic, self.min_metrics_output_topic

    def conflicts(self, refused: Set[str]) -> Iterator[str]:
        """Two roles in one topic would feed the job its own output, or mix records of two kinds."""
        yield from super().conflicts(refused)
        seen: dict[str, str] = {}
        for variable, topic in self.topics().items():
            if variable in refused:
                continue
            if topic in seen:
                yield f"{variable}={topic!r}: allowed is a topic of its own, and {seen[topic]} names this one"
            seen.setdefault(topic, variable)
