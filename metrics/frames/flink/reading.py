"""How far a job reads while it is followed: asked in a thread, since the job does not need the answer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metrics.frames.flink import progress
from metrics.frames.flink.progress import PartitionProgress
from metrics.frames.flink.settings import FlinkSettings
from metrics.kafka import futures
from metrics.terminal.console import say, warn
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError, TopicError

if TYPE_CHECKING:
    from concurrent.futures import Future

_LOOK_S = 1.0  # at the progress, for which clients are opened each time; no checkpoint comes sooner


class Reading:
    """Progress of a job that is followed, as far as the broker tells it.

    Args:
        group: the consumer group that shows it.
        ends: the offset of each partition at which it ends; empty if it does not end with the input.

    Attributes:
        read: frames since the first answer.
        behind: frames that are not read yet; None before the first answer.
    """

    def __init__(self, settings: FlinkSettings, group: str, ends: Mapping[int, int]) -> None:
        self.read = 0
        self.behind: int | None = None
        self._settings = settings
        self._group = group
        self._ends = ends
        self._begun_at = 0
        self._asked: Future[list[PartitionProgress]] | None = None
        self._next_look = Deadline(_LOOK_S)
        self._is_away = False

    def look(self) -> None:
        """Take the answer if it has come, else ask now and then; say once if none comes, and when one does again."""
        if self._asked is None and self._next_look.has_passed():
            self._asked = futures.begin(progress.partitions, self._settings, self._group)
        if self._asked is None or not self._asked.done():
            return
        asked, self._asked = self._asked, None
        self._next_look.renew()
        try:
            self._take(asked.result())
        except (BrokerError, TopicError) as error:
            if not self._is_away:
                warn(f"{error.what}; how far the job has read is unknown, and the job continues by itself")
            self._is_away = True
        else:
            if self._is_away:
                say("the broker answers again")
            self._is_away = False

    @property
    def total(self) -> int | None:
        """Frames to read by the end of the job; None before the first answer."""
        return None if self.behind is None else self.read + self.behind

    def label(self) -> str:
        """Return what is read; also how much, if the job has no end."""
        what = f"reading {self._settings.input_topic} on Flink"
        return what if self._ends or self.behind is None else f"{what}: {self.read:,} frames, {self.behind:,} behind"

    def _take(self, partitions: list[PartitionProgress]) -> None:
        position = sum(at.end - at.lag for at in partitions)
        if self.behind is None:
            self._begun_at = position
        self.read = position - self._begun_at
        self.behind = sum(at.lag - max(0, at.end - self._ends.get(at.partition, at.end)) for at in partitions)
