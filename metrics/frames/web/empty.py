"""What the page shows while there are no results: why, and what to do."""

from collections.abc import Sequence
from typing import NamedTuple

from nicegui import ui

from metrics.frames.status.facts import Activity, Status
from metrics.terminal.console import as_started
from metrics.web.cards import Note
from metrics.web.shell import heading

RUN, FEED = as_started("python app.py --verbose"), as_started("python app.py feed --now --realtime")


class Advice(NamedTuple):
    """Explanation why there are no results, and the commands that change that."""

    why: str
    commands: Sequence[str]


def advice(status: Status | None) -> Advice:
    """Return why a group has no results, and what to do."""
    if status is None:
        return Advice("The results and the state of the group are being read.", ())
    has_frames = any(partition.end for partition in status.partitions)
    feed = () if has_frames else (f"{FEED}  # sends frames of data/stream.jsonl, as they would happen now",)
    if status.instance.activity is Activity.ACTIVE:
        if has_frames:
            return Advice("The job is running; the first window is published once its end has passed.", ())
        return Advice(f"The job is running, and the topic {status.topic} has no frames yet.", feed)
    run = f"{RUN}  # counts them"
    if status.instance.activity is Activity.NEVER_RAN:
        return Advice(f"No job has run for the group {status.group}.", (*feed, run))
    return Advice("The job has published nothing that is still in its topics.", (*feed, run))


class EmptyCard:
    """A card for a page without results."""

    def __init__(self) -> None:
        with ui.element("section").classes("card empty") as self._card:
            heading(2, "No results yet")
            self._note = Note()

    def show(self, status: Status | None, *, is_empty: bool) -> None:
        """Show why there are no results; hide it if there are some."""
        self._card.set_visibility(is_empty)
        if is_empty:
            self._note.show(*advice(status))
