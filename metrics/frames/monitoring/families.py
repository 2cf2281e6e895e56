"""The last commit as metric families, built for each scrape.

Names and units follow Prometheus' conventions. Counters continue over all runs of the consumer group, so a restart does
not dent a rate.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter
from time import time

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from metrics.frames.core.frame import NOT_REPUBLISHED, Reason
from metrics.frames.monitoring.exposed import Committed, Exposed
from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES, Counts

# Metrics with a value per partition: of its state, by the path there. A value below 0 means that there is none yet.
_COUNTERS = (
    ("frames_consumed", "Frames read.", "tally.consumed"),
    ("frames_counted", "Frames counted in their second.", "tally.counted"),
    ("frames_late", "Frames that arrived after their second was closed.", "tally.late"),
    (
        "frames_late_in_minute",
        "Late frames still counted in their minute; the others are rejected.",
        "tally.late_in_minute",
    ),
    (
        "frames_lost",
        "Frames deleted from the topic before their second was closed, accepted by --accept-loss.",
        "tally.lost",
    ),
)
_GAUGES = (
    ("frames_held", "Frames held by the future guard, until a time far ahead is proved.", "tally.held"),
    ("frames_open", "Counted frames in open seconds.", "open"),
    ("frames_position_offset", "Offset of the next record to read.", "position"),
    ("frames_event_time_timestamp_seconds", "Event time: the newest ts of a frame.", "newest"),
)


class Families(Collector):
    """Collector of the last commit; while another instance is active, of `frames_ready` alone."""

    def __init__(self, settings: Settings, exposed: Exposed) -> None:
        self._settings = settings
        self._exposed = exposed

    def collect(self) -> Iterator[Metric]:
        """Yield each family."""
        is_ready = self._exposed.why_not_ready() is None
        yield GaugeMetricFamily("frames_ready", "1 while frames are counted and committed, else 0.", int(is_ready))
        last = self._exposed.committed_last
        if last is not None:
            yield self._info(last)
            yield from _of_partitions(last)
            yield _lags(last)
            yield _rejected(last)
            yield _windows_closed(last)
            yield from _last_windows(last)
            yield from _watermark(last)
            yield GaugeMetricFamily(
                "frames_last_commit_timestamp_seconds", "Wall time of the last commit since the epoch.", last.at_s
            )

    def _info(self, last: Committed) -> Metric:
        labels = {
            "group": self._settings.consumer_group_id,
            "topic": self._settings.input_topic,
            "instance_id": last.instance_id,
        }
        return InfoMetricFamily("frames_job", "Consumer group, input topic, and the instance that commits.", labels)


def _of_partitions(last: Committed) -> Iterator[Metric]:
    families = (CounterMetricFamily, _COUNTERS), (GaugeMetricFamily, _GAUGES)
    for family, metrics in families:
        for name, meaning, path in metrics:
            values = ((number, attrgetter(path)(at)) for number, at in sorted(last.state.partitions.items()))
            present = ((number, value) for number, value in values if value >= 0)
            yield _labelled(family(name, meaning, labels=["partition"]), present)


def _lags(last: Committed) -> Metric:
    family = GaugeMetricFamily("frames_lag_records", "Unread records, an upper bound by offsets.", labels=["partition"])
    return _labelled(family, sorted(last.lags.items()))


def _rejected(last: Committed) -> Metric:
    """Return rejected frames by reason, zeros included: a series that first appears at 1 has no rate."""
    rejected = {str(reason): 0 for reason in Reason if reason not in NOT_REPUBLISHED}  # these frames count
    for at in last.state.partitions.values():
        for reason, frames in at.tally.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + frames
    meaning = "Frames sent to the dead letter topic; late ones only if they are not counted in their minute either."
    return _labelled(CounterMetricFamily("frames_rejected", meaning, labels=["reason"]), rejected.items())


def _windows_closed(last: Committed) -> Metric:
    closed = {size.name: last.state.series[size.size_s].windows for size in SIZES}
    meaning = "Windows published, zero rows included."
    return _labelled(CounterMetricFamily("frames_windows_closed", meaning, labels=["size"]), closed.items())


def _last_windows(last: Committed) -> Iterator[Metric]:
    """Yield the number of the last published window of each size, and where each of them ends."""
    labels = ["size"]
    frames = GaugeMetricFamily("frames_per_second", "Frames per second in the last window published.", labels=labels)
    users = GaugeMetricFamily("frames_unique_users", "Unique users in the last window published.", labels=labels)
    for size, _, number, *_ in last.windows.values():
        if size.counts is Counts.FRAMES:
            frames.add_metric([size.name], number / size.size_s)
        else:
            users.add_metric([size.name], number)
    meaning = "End of the last window published, in event time."
    ends = GaugeMetricFamily("frames_window_end_timestamp_seconds", meaning, labels=labels)
    starts = {size: last.state.series[size.size_s].last for size in SIZES}
    yield from (frames, users)
    yield _labelled(ends, [(size.name, start + size.size_s) for size, start in starts.items() if start >= 0])


def _watermark(last: Committed) -> Iterator[Metric]:
    """Yield the watermark; there is none before the first frame."""
    watermark = last.state.closing_to
    if watermark:
        yield GaugeMetricFamily(
            "frames_watermark_timestamp_seconds",
            "Event time less the allowed lateness: windows that end at or before it are closed.",
            watermark,
        )
        yield GaugeMetricFamily(
            "frames_watermark_delay_seconds", "How far the watermark is behind wall time.", time() - watermark
        )


def _labelled(family: CounterMetricFamily | GaugeMetricFamily, values: Iterable[tuple[object, float]]) -> Metric:
    for label, value in values:
        family.add_metric([str(label)], value)
    return family
