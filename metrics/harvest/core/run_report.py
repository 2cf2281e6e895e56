"""The report of a run: its start and stop, its streams, and the answers from its events."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Generic, Literal, cast

from msgspec import Meta, Struct, structs

from metrics.harvest.core.event import PLATFORMS
from metrics.harvest.core.instants import amsterdam_text, us_of, utc_text
from metrics.harvest.core.journal import StoppedBy
from metrics.harvest.core.reading import REASONS
from metrics.harvest.core.reports import Answers, Figures, UserReport, Users, figures_of
from metrics.harvest.core.tally import StreamTally, Tally
from metrics.harvest.core.timeline import Listening, Outcome, Timeline


class StreamReport(Struct, frozen=True, kw_only=True):
    """A stream during a run."""

    stream: str
    platform: str
    listened_ms: Annotated[
        int, Meta(description="milliseconds with a connection, each from its request to its end or the stop")
    ]
    listened_s: Annotated[float, Meta(description="the same, in seconds, to the microsecond")]
    connections: Annotated[int, Meta(description="number of those that opened")]
    frames: Annotated[int, Meta(description="all that were taken: events, repeated and malformed ones")]
    events: int
    repeated: int
    malformed: Annotated[dict[str, int], Meta(description="number of frames by reason")]
    bytes: Annotated[int, Meta(description="of the raw files")]
    outcome: Annotated[
        Outcome, Meta(description="its state at the stop: read, away, refused, or ended by the server (204)")
    ]
    why: Annotated[str | None, Meta(description="the last failure, in words; null for a stream that was read")]
    status: Annotated[int | None, Meta(description="HTTP status of that failure; null without one")] = None


class RunHead(Struct, frozen=True, kw_only=True):
    """The report of a run without its answers."""

    run: str
    started_at: Annotated[str, Meta(description="in UTC, `2023-12-07T16:01:21.123Z`")]
    started: Annotated[str, Meta(description="the same in Amsterdam time, `07-12-2023 17:01:21.123`")]
    stopped_at: Annotated[
        str, Meta(description="in UTC; if the run was killed, the time of the last entry of its journal")
    ]
    stopped: Annotated[str, Meta(description="the same in Amsterdam time")]
    stopped_by: StoppedBy | Literal["killed"]
    lasted_s: Annotated[float, Meta(description="seconds from start to stop")]
    seconds: Annotated[float, Meta(description="the rule to stop it, as are `name` and `times`")]
    name: str
    times: int
    name_seen: Annotated[int, Meta(description="number of events of users with that name")]
    events: Annotated[int, Meta(description="of all streams")]
    streams: list[StreamReport]

    @property
    def started_us(self) -> int:
        """The start in microseconds since the epoch, to the millisecond."""
        return us_of(self.started_at)

    @property
    def missed(self) -> list[StreamReport]:
        """The streams that were away or refused: exit code 9."""
        return [stream for stream in self.streams if stream.outcome in ("away", "refused")]


class RunAnswers(RunHead, Generic[Users], frozen=True, kw_only=True):
    """The report of a run with its answers."""

    reports: Answers[Users]


RunReport = RunAnswers[Sequence[UserReport]]
"""The report of a run, as in `report_RUN.json`."""

RunFigures = RunAnswers[int]
"""The same with the number of users in place of their reports."""


def without_users(report: RunReport) -> RunFigures:
    """Return a report with the number of its users in place of their reports."""
    return cast("RunFigures", structs.replace(report, reports=figures_of(report.reports)))


def run_report(timeline: Timeline, tally: Tally, sizes: Mapping[str, int], figures: Figures) -> RunFigures:
    """Return the report of a run that is over.

    Args:
        timeline: of its whole journal.
        tally: of all its frames.
        sizes: bytes of the raw files of each stream; 0 for a stream that is missing.
        figures: of its events.
    """
    started, stopped_us = timeline.started, timeline.stopped_at_us
    streams = [
        _stream_report(stream, timeline.listening(stream), counts, sizes.get(stream, 0))
        for stream, counts in tally.streams.items()
    ]
    return RunFigures(
        run=started.run,
        started_at=utc_text(started.at_us // 1000),
        started=amsterdam_text(started.at_us // 1000),
        stopped_at=utc_text(stopped_us // 1000),
        stopped=amsterdam_text(stopped_us // 1000),
        stopped_by=timeline.stopped_by,
        lasted_s=(stopped_us - started.at_us) / 1e6,
        seconds=started.seconds,
        name=started.name,
        times=started.times,
        name_seen=tally.name_seen,
        events=sum(stream.events for stream in streams),
        streams=streams,
        reports=figures,
    )


def _stream_report(stream: str, listening: Listening, counts: StreamTally, size_bytes: int) -> StreamReport:
    return StreamReport(
        stream=stream,
        platform=PLATFORMS[stream],
        listened_ms=round(listening.listened_us / 1e3),
        listened_s=listening.listened_us / 1e6,
        connections=listening.connections,
        frames=counts.frames,
        events=counts.events,
        repeated=counts.repeated,
        malformed={reason: counts.malformed[reason] for reason in REASONS if counts.malformed[reason]},
        bytes=size_bytes,
        outcome=listening.outcome,
        why=listening.why,
        status=listening.status,
    )


def execution_report(report: RunHead) -> str:
    """Return the execution report in the original's form: a blank ends each line."""
    lines = [f"EXECUTION TIME FOR RUN {report.run}"]
    lines += [f"{stream.stream} was listened for {stream.listened_s} seconds." for stream in report.streams]
    return "".join(f"{line} \n" for line in lines)
