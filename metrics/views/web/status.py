"""How taking and counting go; what is not known is null, with a reason."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from metrics.time.moments import rfc3339
from metrics.time.sliding_window import SlidingWindow
from metrics.views.answers.activity import Activity, Observer
from metrics.views.answers.counted import Consumed, Counted, read_counted
from metrics.views.answers.items import Number
from metrics.views.settings import ViewsSettings
from metrics.views.taking.figures import TakingFigures
from metrics.views.web.topic_ends import TopicEnds, TopicReader
from metrics.web.database import Database
from metrics.web.problems import in_one_line
from metrics.wording.errors import MetricsError

RATE_S = 10.0
LEAST_S = 0.5

Rate = Annotated[float, Meta(ge=0, description="per second, over the last 10 s or less")]
Time = Annotated[str, Meta(description="by RFC 3339", examples=["2026-11-28T13:39:44Z"])]


class PartitionStatus(Struct):
    """Progress in a partition of VIEWS_TOPIC; read = counted + duplicates + invalid.

    Attributes:
        next_offset: of the first record that is not counted.
        end_offset: after the last record.
        lag: records that are not counted yet.
    """

    partition: Number
    next_offset: Number | None
    end_offset: Number | None
    lag: Number | None
    read: Number
    counted: Number
    duplicates: Number
    invalid: Number


class Rates(Struct):
    """Records that the job reads, and events among them that it counts."""

    read: Rate
    counted: Rate


class TakingStatus(Struct):
    """Figures of the events that this server has taken since its start.

    Attributes:
        lines: without empty ones.
        accepted: events that Kafka has acknowledged.
        by_reason: rejected lines by kind of reason; a line may have several.
        uploads_open: requests that are being taken.
    """

    lines: Number
    accepted: Number
    rejected: Number
    by_reason: dict[str, int]
    uploads_open: Number
    since: Time


class JobStatus(Struct):
    """The job that counts.

    Attributes:
        is_active: null if that is unknown.
        why: the reason if it is not active, or that is unknown.
        instance: the one that committed last.
        last_commit: of events; null before the first.
    """

    is_active: bool | None
    why: str | None
    instance: str | None
    last_commit: Time | None


class Status(Struct):
    """Status of taking and counting.

    Attributes:
        unknown: for each field that is null, why.
    """

    topic: str
    lag: Annotated[Number | None, Meta(description="records that are not counted yet")]
    read: Number
    counted: Number
    duplicates: Number
    invalid: Number
    users: Annotated[Number, Meta(description="users with a counted event")]
    rates: Rates | None
    job: JobStatus
    minutes_since: Annotated[Time, Meta(description="trends by minute begin here")]
    rejected_in_topic: Annotated[Number | None, Meta(description="records in VIEWS_REJECTED_TOPIC, of all servers")]
    taking: Annotated[TakingStatus | None, Meta(description="of this server")]
    partitions: list[PartitionStatus]
    unknown: dict[str, str]


class StatusReader:
    """Reader of the status, for any number of clients.

    Args:
        taking: returns the figures of this server; None if it takes no events.
    """

    def __init__(
        self,
        database: Database,
        settings: ViewsSettings,
        taking: Callable[[], TakingFigures] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._topic = settings.views_topic
        self._topics = TopicReader(settings, clock)
        self._taking = taking
        self._clock = clock
        self._observer = Observer()
        self._rates = _Rates()

    async def read(self) -> Status:
        """Return the status.

        The offsets are read before the ends of the topic, so that no lag is negative. For the rates, the first request
        for some seconds takes LEAST_S longer.

        Raises:
            MetricsError, HTTPException: as `Database.run`.
        """
        read = partial(self._database.run, partial(read_counted, topic=self._topic))
        counted = await read()
        if self._rates.of(self._clock(), counted) is None:
            await asyncio.sleep(LEAST_S)
            counted = await read()
        try:
            ends: TopicEnds | MetricsError = await self._topics.read()
        except MetricsError as error:
            ends = error
        return self._status(counted, ends)

    def _status(self, counted: Counted, ends: TopicEnds | MetricsError) -> Status:
        now_s = self._clock()
        known = None if isinstance(ends, MetricsError) else ends
        consumed, why = _consumed(counted, ends)
        partitions = _partitions(counted, consumed, None if why else known)
        read, events, duplicates, invalid = _sums(counted)
        status = Status(
            topic=self._topic,
            lag=None if why else sum(each.lag or 0 for each in partitions),
            read=read,
            counted=events,
            duplicates=duplicates,
            invalid=invalid,
            users=counted.users,
            rates=self._rates.of(now_s, counted),
            job=_job(counted, consumed, self._observer.look(consumed.instance, now_s)),
            minutes_since=rfc3339(int(counted.minutes_since.timestamp())),
            rejected_in_topic=None if known is None else known.rejected,
            taking=None if self._taking is None else _taken(self._taking()),
            partitions=partitions,
            unknown={},
        )
        reasons = {
            "lag": why,
            "rates": "events were removed from the tables: ask again in some seconds",
            "rejected_in_topic": why,
            "taking": "this server takes no events",
        }
        status.unknown = {name: reason for name, reason in reasons.items() if getattr(status, name) is None}
        return status


class _Rates:
    """Rates between requests; unknown until there are two within some seconds."""

    def __init__(self) -> None:
        self._window: SlidingWindow[tuple[int, int]] | None = None
        self._last_s = float("-inf")

    def of(self, now_s: float, counted: Counted) -> Rates | None:
        read, events, *_ = _sums(counted)
        window = self._window
        if window is None or now_s - self._last_s > RATE_S or read < window.beginning()[1][0]:
            window = self._window = SlidingWindow(RATE_S, LEAST_S, now_s, (read, events))
        window.add(now_s, (read, events))
        self._last_s = now_s
        began_s, (read_before, events_before) = window.beginning()
        length_s = now_s - began_s
        if length_s < LEAST_S:
            return None
        return Rates(round((read - read_before) / length_s, 1), round((events - events_before) / length_s, 1))


def _sums(counted: Counted) -> tuple[int, ...]:
    return tuple(map(sum, zip((0, 0, 0, 0), *counted.outcomes.values(), strict=True)))


def _consumed(counted: Counted, ends: TopicEnds | MetricsError) -> tuple[Consumed, str]:
    """Return how far the topic was counted, and why its lag is unknown; empty if it is known."""
    nothing = Consumed({}, None)
    if isinstance(ends, MetricsError):
        found = [*counted.consumed.values()]
        return found[0] if len(found) == 1 else nothing, in_one_line(ends)
    consumed = counted.consumed.get((ends.cluster_id, ends.topic_id))
    if consumed is None and counted.consumed:
        return nothing, "another topic of this name was counted: this one was recreated, or is on another cluster"
    return consumed or nothing, ""


def _partitions(counted: Counted, consumed: Consumed, ends: TopicEnds | None) -> list[PartitionStatus]:
    ranges = {} if ends is None else ends.ranges
    found = []
    for number in sorted(ranges.keys() | consumed.next_offsets.keys() | counted.outcomes.keys()):
        next_offset = consumed.next_offsets.get(number)
        low, high = ranges.get(number, (None, None))
        start = low if next_offset is None else next_offset
        lag = None if high is None or start is None else max(0, high - start)
        outcomes = counted.outcomes.get(number, (0, 0, 0, 0))
        found.append(PartitionStatus(number, next_offset, high, lag, *outcomes))
    return found


def _taken(figures: TakingFigures) -> TakingStatus:
    return TakingStatus(*figures[:-1], since=rfc3339(int(figures.since)))


def _job(counted: Counted, consumed: Consumed, activity: Activity) -> JobStatus:
    last = counted.last_commit
    return JobStatus(
        is_active=activity.is_active,
        why=activity.why or None,
        instance=None if consumed.instance is None else str(consumed.instance),
        last_commit=None if last is None else rfc3339(int(last.timestamp())),
    )
