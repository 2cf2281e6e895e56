"""The card of dead letters: the last rejected frames, by reason, a page at a time.

The contents of frames are text: Vue inserts them as such.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from metrics.frames.live.view import KEEP_REJECTED
from metrics.frames.results.rejected import BEGINNING_BYTES, DeadLetter
from metrics.frames.settings import Settings
from metrics.frames.web import hints
from metrics.frames.web.whole_frame import WholeFrame
from metrics.time.moments import clock
from metrics.web.cards import Note
from metrics.web.shell import heading
from metrics.web.tables import Pager
from metrics.wording.text import in_line, shortened

PAGE = 10
CUT_AT = 160  # characters of the beginning of a frame
REASON_CHARACTERS = 40  # of a reason; those of other programs may have any length


class DeadLettersCard:
    """The last rejected frames, the newest first, of which one at a time may be unfolded to the whole frame.

    The list stands still while the pointer is on it or a frame is unfolded, and beyond the first page, so that nothing
    moves away before it is clicked; a button shows what is newer.
    """

    def __init__(self, settings: Settings) -> None:
        self._latest: Sequence[DeadLetter] = ()
        self._listed: Sequence[DeadLetter] = ()
        self._reason: str | None = None
        self._unfolded: DeadLetter | None = None
        self._now = 0
        self._is_pointed_at = False
        with ui.element("section").classes("card"):
            heading(2, "Rejected frames")
            self._note = Note()
            with ui.element("div").classes("choosing"):  # in one row, so that nothing moves when the button appears
                self._reasons = ReasonFilter(self._choose)
                self._newer = ui.button(color=None, on_click=self._show_newest).classes("act").props("flat no-caps")
            with ui.element("div").classes("rejected").props('role=list aria-label="Rejected frames"') as entries:
                self._entries = [Entry(settings, self._toggle) for _ in range(PAGE)]
            entries.on("mouseenter", lambda: self._point(is_at_list=True))
            entries.on("mouseleave", lambda: self._point(is_at_list=False))
            self._pager = Pager(PAGE, self._show_page)
        self._show()

    def show(self, frames: Sequence[DeadLetter], now: int) -> None:
        """Show frames by their Kafka timestamps, the newest first: partitions are not read in order of time.

        Args:
            now: wall time, in seconds since the epoch.
        """
        if frames != self._latest:
            self._latest, self._now = frames, now
            self._show()

    def _show(self) -> None:
        if not self._is_pointed_at and self._unfolded is None and self._pager.page == 0:
            self._listed = sorted(self._latest, key=_stamp, reverse=True)
        counts = Counter(frame.reason for frame in self._listed)
        if self._reason not in counts:
            self._reason = None
        chosen = [frame for frame in self._listed if self._reason in (None, frame.reason)]
        rows = chosen[self._pager.rows(len(chosen))]
        for number, entry in enumerate(self._entries):
            frame = rows[number] if number < len(rows) else None
            entry.show(frame, self._now, is_unfolded=frame is not None and frame is self._unfolded)
        newer = len({*self._latest} - {*self._listed})
        self._newer.set_visibility(newer > 0)
        self._newer.set_text(f"Show {newer:,} newer")
        self._note.show(how_many(len(self._listed)), [hints.REJECTED] if self._listed else [])
        self._reasons.show(counts, self._reason)

    def _point(self, *, is_at_list: bool) -> None:
        self._is_pointed_at = is_at_list
        self._show()

    def _toggle(self, frame: DeadLetter) -> None:
        self._unfolded = None if frame is self._unfolded else frame
        self._show()

    def _choose(self, reason: str | None) -> None:
        self._reason = reason
        self._show_newest()

    def _show_newest(self) -> None:
        self._pager.page = 0
        self._unfolded = None
        self._is_pointed_at = False
        self._show()

    async def _show_page(self) -> None:
        self._unfolded = None
        self._show()


class ReasonFilter:
    """Buttons that choose one of the reasons that there are, or all of them, with the number of frames.

    Args:
        choose: called with the reason, None for all.
    """

    def __init__(self, choose: Callable[[str | None], None]) -> None:
        self._choose = choose
        self._buttons: dict[str | None, TextElement] = {}
        self._element = ui.element("div").classes("reasons").props('role=group aria-label="Reason"')

    def show(self, counts: Counter[str], chosen: str | None) -> None:
        """Show the reasons and their numbers of frames; nothing if there are none."""
        self._element.set_visibility(bool(counts))
        numbers: dict[str | None, int] = {None: counts.total()}
        numbers.update(counts)
        for gone in self._buttons.keys() - numbers.keys():
            self._buttons.pop(gone).delete()
        for reason, number in numbers.items():
            if reason not in self._buttons:
                self._buttons[reason] = self._add(reason)
            name = "all" if reason is None else shortened(in_line(reason), REASON_CHARACTERS)
            self._buttons[reason].set_text(f"{name} {number:,}")
            self._buttons[reason].props(f"aria-pressed={'true' if reason == chosen else 'false'}")

    def _add(self, reason: str | None) -> TextElement:
        with self._element:
            button = TextElement(tag="button", text="").props("type=button")
        button.on("click", lambda: self._choose(reason))
        return button


class Entry:
    """A dead letter: when, why, from where, and how it begins; unfolded, the whole frame.

    Args:
        toggle: called with the dead letter that is to be unfolded or folded.
    """

    def __init__(self, settings: Settings, toggle: Callable[[DeadLetter], None]) -> None:
        self._settings = settings
        self._toggle = toggle
        self._frame: DeadLetter | None = None
        self._whole: WholeFrame | None = None
        with ui.element("div").classes("entry").props("role=listitem") as self._element:
            with ui.element("div").classes("letter"):
                self._button = TextElement(tag="button", text="").classes("more").props("type=button")
                self._reason = TextElement(tag="b", text="")
                self._place = TextElement(tag="span", text="").classes("place")
                self._detail = TextElement(tag="span", text="").classes("detail")
            self._beginning = TextElement(tag="code", text="")
            self._unfolded = ui.element("div").classes("whole")
        self._button.on("click", self._click)
        self._button.props(f"aria-controls={self._unfolded.html_id}")

    def show(self, frame: DeadLetter | None, now: int, *, is_unfolded: bool) -> None:
        """Show a dead letter; nothing if it is None.

        Args:
            now: wall time, in seconds since the epoch.
        """
        self._element.set_visibility(frame is not None)
        if frame is not None and frame is not self._frame:
            stamped = frame.stamped_at
            self._button.set_text("no timestamp" if stamped is None else f"{clock(stamped.timestamp, now)} UTC")
            self._reason.set_text(frame.reason)
            self._place.set_text(frame.came_from)
            self._detail.set_text(frame.detail)
            self._beginning.set_text(beginning(frame))
        self._frame = frame
        self._button.props(f"aria-expanded={'true' if is_unfolded else 'false'}")
        self._beginning.set_visibility(not is_unfolded)
        if is_unfolded and frame is not None and self._whole is None:
            with self._unfolded:
                self._whole = WholeFrame(self._settings, frame)
        elif not is_unfolded and self._whole is not None:
            self._unfolded.clear()
            self._whole = None

    def _click(self) -> None:
        if self._frame is not None:
            self._toggle(self._frame)


def how_many(frames: int) -> str:
    """Return a line about the number of dead letters listed, and what they are if there are none."""
    if not frames:
        return (
            "None. Frames that cannot be counted come here, each with the reason: not JSON, without a valid ts or uid, "
            "late, or too far ahead."
        )
    return f"The {frames:,} most recent dead letters, at most {KEEP_REJECTED}. All of them:"


def beginning(frame: DeadLetter) -> str:
    """Return the beginning of a rejected frame, with `…` if it is cut."""
    is_cut = len(frame.beginning) > CUT_AT or frame.size_bytes > BEGINNING_BYTES
    return frame.beginning[:CUT_AT] + ("…" if is_cut else "") or "(no bytes)"


def _stamp(frame: DeadLetter) -> int:
    return -1 if frame.stamped_at is None else frame.stamped_at.timestamp
