"""Settings of frames: its topics, how frames are judged, what `serve` keeps."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from metrics.cli.log_settings import LogSettings
from metrics.frames.core.state import GUARD_VERSION, Rules
from metrics.frames.sizes import SIZES, Size
from metrics.kafka.settings import GroupId, KafkaSettings, TopicName
from metrics.monitoring.settings import MonitoringSettings
from metrics.times import LAST_SECOND
from metrics.web.settings import WebSettings


def _topic(size: Size) -> tuple[str, object, str]:
    meaning = Meta(description=f"Topic for {size.title.lower()}.")
    return size.topic_setting, Annotated[TopicName, meaning], size.topic


def _keep(size: Size) -> tuple[str, object, int]:
    reads = f"{size.plural.title()} that `serve` reads back at its start and keeps in memory"
    meaning = Meta(ge=60, le=size.most_kept, description=f"{reads}; the page shows {size.shown}.")
    return size.keep_setting, Annotated[int, meaning], size.keep


@dataclass(frozen=True, kw_only=True)
class _Input(LogSettings, MonitoringSettings, WebSettings, KafkaSettings):
    consumer_group_id: GroupId = "frames-metrics"
    input_topic: Annotated[TopicName, Meta(description="Topic the frames come from.")] = "frames"


if TYPE_CHECKING:
    _Windows = _Input
else:
    _Windows = make_dataclass(
        "_Windows",
        [declare(size) for declare in (_topic, _keep) for size in SIZES],
        bases=(_Input,),
        frozen=True,
        kw_only=True,
    )


@dataclass(frozen=True, kw_only=True)
class Settings(_Windows):
    """Settings of one run of frames. Each size of windows has two: the topic of its records, and how many are kept.

    Durations are whole seconds of event time unless their meaning says otherwise.
    """

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

    def topics(self) -> dict[str, str]:
        """Return the variable that names each topic in use, and the topic's name."""
        names = {
            "INPUT_TOPIC": self.input_topic,
            **{size.topic_setting.upper(): self.topic_of(size) for size in SIZES},
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
        return tuple(map(self.topic_of, SIZES))

    def topic_of(self, size: Size) -> str:
        """Return the topic that the records of a size go to."""
        return str(getattr(self, size.topic_setting))

    def keep(self, size: Size) -> int:
        """Return how many windows of a size `serve` keeps."""
        return int(getattr(self, size.keep_setting))

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
