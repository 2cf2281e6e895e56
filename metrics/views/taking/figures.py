"""Figures of what a server has taken, for any thread."""

from collections import Counter
from collections.abc import Sequence
from time import time
from typing import NamedTuple

from metrics.views.taking.outbox import Delivery
from metrics.views.taking.upload import Upload


class TakingFigures(NamedTuple):
    """Sums of what a server has taken since its start; like its values, `by_reason` never changes.

    Attributes:
        lines: without empty ones.
        accepted: events that Kafka has acknowledged.
        rejected: lines that are not view events.
        by_reason: rejected lines by kind of reason; a line may have several.
        uploads_open: requests that are being taken.
        since: the start, in seconds since the epoch.
    """

    lines: int
    accepted: int
    rejected: int
    by_reason: dict[str, int]
    uploads_open: int
    since: float


class Tally:
    """Tally of the uploads of a server, and of its single events.

    An upload is open until its request is answered. Then it is leaving until Kafka has answered each of its records; a
    rejected single event begins there. After that its numbers are in the totals.

    Attributes:
        figures: what was taken; may be read in any thread.
    """

    def __init__(self) -> None:
        self._open: set[Upload] = set()
        self._leaving: set[Upload] = set()
        self._single: Delivery | None = None
        self._totals = self.figures = TakingFigures(0, 0, 0, {}, 0, time())

    def add_single(self, single: Delivery) -> None:
        """Add the valid single events, all of which have one delivery."""
        self._single = single

    def open(self, upload: Upload) -> None:
        """Add an upload whose request begins."""
        self._open.add(upload)
        self.publish()

    def end(self, upload: Upload) -> None:
        """Note that the request of an upload is answered."""
        self._open.remove(upload)
        self._leaving.add(upload)
        self.publish()

    def add_rejected(self, upload: Upload) -> None:
        """Add the upload of a rejected single event."""
        self._leaving.add(upload)

    def settle(self) -> None:
        """Add the leaving uploads that Kafka has answered to the totals."""
        settled = [upload for upload in self._leaving if upload.is_settled]
        self._leaving.difference_update(settled)
        self._totals = _sum(self._totals, settled)
        self.publish()

    def publish(self) -> None:
        """Make the present figures those that other threads read."""
        present = _sum(self._totals, [*self._open, *self._leaving])
        if self._single is not None:
            present = present._replace(
                lines=present.lines + self._single.sent, accepted=present.accepted + self._single.acknowledged
            )
        self.figures = present._replace(uploads_open=len(self._open))


def _sum(figures: TakingFigures, uploads: Sequence[Upload]) -> TakingFigures:
    by_reason = Counter(figures.by_reason)
    for upload in uploads:
        by_reason.update(upload.by_reason)
    return figures._replace(
        lines=figures.lines + sum(upload.lines for upload in uploads),
        accepted=figures.accepted + sum(upload.accepted for upload in uploads),
        rejected=figures.rejected + sum(upload.rejected for upload in uploads),
        by_reason=dict(by_reason),
    )
