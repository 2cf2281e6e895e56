"""Settings of frames: its topics, how frames are judged, what `serve` keeps."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from metrics.cli.log_settings import LogSettings
from metrics.frames.core.shape import Shape, TsFormat, UidFormat
from metrics.frames.core.state import JUDGING_VERSION, Rules
from metrics.frames.sizes import SIZES, Size
from metrics.kafka.settings import GroupId, KafkaSettings, TopicName
from metrics.monitoring.settings import MonitoringSettings
from metrics.time.moments import LAST_SECOND
from metrics.web.glance import Thresholds
from metrics.web.settings import WebSettings, not_red_first

# 128 characters of each field are what the saved state has room for.
FieldName = Annotated[
    str,
    Meta(
        pattern=r"^(?!/.*~(?![01]))[^\x00-\x1f\x7f]{1,128}\Z",
        extra={"allowed": "1 to 128 characters; after a / at the beginning, ~ is ~0"},
    ),
]
_WHERE = "the name of a member of its root object, or a JSON pointer, such as `/user/id`."


def _topic(size: Size) -> tuple[str, object, str]:
    meaning = Meta(description=f"Topic for {size.title.lower()}.")
    return size.topic_setting, Annotated[TopicName, meaning], size.topic


def _keep(size: Size) -> tuple[str, object, int]:
    what = f"Number of one-{size.name} windows that `serve` loads at startup and keeps in memory"
    meaning = Meta(ge=60, le=size.most_kept, description=f"{what}.")
    return size.keep_setting, Annotated[int, meaning], size.keep


_STALE = "Seconds of wall time without a new window from which on the page of frames is {}."


# Only Settings has instances; methods of its bases, too, would take twice as long to import.
@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class _UpToWindows(LogSettings, MonitoringSettings, WebSettings, KafkaSettings):
    consumer_group_id: GroupId = "frames-metrics"
    input_topic: Annotated[TopicName, Meta(description="Topic to read frames from.")] = "frames"


if not TYPE_CHECKING:
    per_size = [declare(size) for declare in (_topic, _keep) for size in SIZES]
    _UpToWindows = make_dataclass(
        "_UpToWindows",
        per_size,
        bases=(_UpToWindows,),
        frozen=True,
        kw_only=True,
        init=False,
        repr=False,
        eq=False,
    )


@dataclass(frozen=True, kw_only=True)
class Settings(_UpToWindows):
    """Settings of one run of frames. Each window size adds two: its topic, and how many of its windows are kept.

    Durations are whole seconds of event time unless their description says otherwise.
    """

    stale_amber_s: Annotated[int, Meta(ge=1, le=LAST_SECOND, description=_STALE.format("amber"))] = 30
    stale_red_s: Annotated[int, Meta(ge=1, le=LAST_SECOND, description=_STALE.format("red"))] = 300
    ts_field: Annotated[FieldName, Meta(description=f"Where the time of a frame is: {_WHERE}")] = "ts"
    ts_format: Annotated[
        TsFormat,
        Meta(
            description="How the time is written. A number may have a fraction, and be text. `iso8601` is a date and "
            "time, UTC if it has no offset; `kafka` is the record's Kafka timestamp.",
            extra={"allowed": "seconds, milliseconds, microseconds, iso8601 or kafka"},
        ),
    ] = TsFormat.SECONDS
    uid_field: Annotated[FieldName, Meta(description=f"Where the user of a frame is: {_WHERE}")] = "uid"
    uid_format: Annotated[
        UidFormat,
        Meta(
            description='How the user is written: `any` takes integers, too; 7 and `"7"` are the same user.',
            extra={"allowed": "text or any"},
        ),
    ] = UidFormat.TEXT
    output_stream: Annotated[
        TopicName | None,
        Meta(description="Topic to republish every valid frame to, unchanged. Unset: frames are not republished."),
    ] = None
    print_interval: Annotated[
        int, Meta(ge=1, description="With `--verbose`, print the execution metrics once per this many frames.")
    ] = 10_000
    rejected_topic: Annotated[
        TopicName,
        Meta(description="Dead letter topic: frames that do not count, or cannot be republished, with the reason."),
    ] = "frames-rejected"
    lateness_s: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Allowed lateness: how many seconds a frame may be older than the newest one of its partition "
            "and still count.",
        ),
    ] = 5
    future_limit_s: Annotated[
        int,
        Meta(
            ge=60,
            le=LAST_SECOND,
            description="How many seconds a frame may be ahead of its partition's event time and still count if the "
            "frames after it do not confirm its time; it then leaves event time unchanged.",
        ),
    ] = 300
    idle_s: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="Idle timeout, in seconds of wall time: a partition that has been read to its end, and whose "
            "event time has not advanced for this long, no longer keeps windows open.",
        ),
    ] = 10
    align_s: Annotated[
        int,
        Meta(
            ge=1,
            le=LAST_SECOND,
            description="How many seconds of event time a partition may be ahead of the slowest one before it is "
            "paused, so that skew or a backlog cannot fill memory. On Flink, 20 at most.",
        ),
    ] = 120
    gap_limit_s: Annotated[
        int,
        Meta(
            ge=0,
            le=31_536_000,
            description="Longest gap between frames, in seconds, that is filled with zero rows. A longer one is not; "
            "the next record reports it as `gap_s`.",
        ),
    ] = 3_600

    @property
    def stale_thresholds(self) -> Thresholds:
        """Thresholds of the time without a new window, in seconds."""
        return Thresholds(self.stale_amber_s, self.stale_red_s)

    def topics(self) -> dict[str, str]:
        """Return the topics in use, each under the variable that names it."""
        names = {
            "INPUT_TOPIC": self.input_topic,
            **{size.topic_setting.upper(): self.topic_of(size) for size in SIZES},
            "REJECTED_TOPIC": self.rejected_topic,
        }
        if self.output_stream is not None:
            names["OUTPUT_STREAM"] = self.output_stream
        return names

    def rules(self) -> Rules:
        """Return the rules that frames are judged by."""
        return Rules(self.lateness_s, self.future_limit_s, JUDGING_VERSION, self.shape())

    def shape(self) -> Shape:
        """Return the shape of frames."""
        return Shape(self.ts_field, self.uid_field, self.ts_format, self.uid_format)

    def result_topics(self) -> tuple[str, ...]:
        """Return the output topics of all window sizes."""
        return tuple(map(self.topic_of, SIZES))

    def topic_of(self, size: Size) -> str:
        """Return the output topic of a window size."""
        return str(getattr(self, size.topic_setting))

    def keep(self, size: Size) -> int:
        """Return how many windows of a size `serve` keeps in memory."""
        return int(getattr(self, size.keep_setting))

    def conflicts(self, refused: Set[str]) -> Iterator[str]:
        """Refuse one topic in two roles: the job would read its own output, or mix two kinds of records."""
        yield from super().conflicts(refused)
        seen: dict[str, str] = {}
        for variable, topic in self.topics().items():
            if variable in refused:
                continue
            if topic in seen:
                yield f"{variable}={topic!r}: must be a topic of its own, but {seen[topic]} names the same one"
            seen.setdefault(topic, variable)
        yield from not_red_first("STALE", "S", self.stale_thresholds)
