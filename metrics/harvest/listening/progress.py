"""Progress of a run, shown while it lasts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Annotated

from msgspec import Meta, Struct, structs

from metrics.harvest.core.timeline import StreamState

NOTIFIED_EVERY_S = 0.1


class StreamProgress(Struct, frozen=True, kw_only=True):
    """A stream at some moment of a run."""

    stream: str
    state: Annotated[
        StreamState,
        Meta(
            description="`connecting` before its first response, `waiting` to ask again, `refused` or `ended` for good"
        ),
    ]
    frames: int
    events: int
    malformed: Annotated[int, Meta(description="number of malformed frames")]
    repeated: int
    bytes: int
    is_silent: Annotated[bool, Meta(description="whether it is open, but idle: no byte for HARVEST_SILENT_S")]
    why: Annotated[str | None, Meta(description="the last failure, in words; null while it is open")]


class Progress(Struct, frozen=True, kw_only=True):
    """A run at some moment.

    Attributes:
        seconds_left: until its time is up.
        name_seen: number of events of users with the name; `times` of them stop the run.
        report_share: share of the raw files that the report has been made from, 0 to 1; None until the run has stopped.
    """

    run: str
    seconds_left: float
    name: str
    times: int
    name_seen: int
    streams: list[StreamProgress]
    report_share: float | None = None


Listener = Callable[[Progress], None]


@dataclass(eq=False)
class Notified:
    """The newest progress, on its way to the listener."""

    newest: Progress | None = None

    def report(self, done_bytes: int, total_bytes: int) -> None:
        """Publish how much of the raw files the report has been made from."""
        if self.newest is not None:
            self.newest = structs.replace(self.newest, report_share=done_bytes / max(total_bytes, 1))


@contextmanager
def notifying(listener: Listener) -> Iterator[Notified]:
    """Call a listener with the newest progress several times a second, and once more at the end.

    It runs in a thread of its own, so a terminal paused by Ctrl-S delays no stream. Its error ends it, and is raised
    after the body.
    """
    notified, done = Notified(), Event()
    errors: list[Exception] = []

    def notify() -> None:
        shown = None
        while True:
            is_last = done.wait(NOTIFIED_EVERY_S)
            if notified.newest is not shown and notified.newest is not None:
                shown = notified.newest
                try:
                    listener(shown)
                except Exception as error:  # it is raised below
                    errors.append(error)
                    return
            if is_last:
                return

    thread = Thread(target=notify, name="progress", daemon=True)
    thread.start()
    try:
        yield notified
    finally:
        done.set()
        thread.join()
    if errors:
        raise errors[0]
