"""An unfolded dead letter: its whole frame, read from the broker only then, a button that copies it, and a command."""

import orjson
from anyio import CapacityLimiter, to_thread
from nicegui import background_tasks, ui
from nicegui.elements.mixins.text_element import TextElement

from metrics.frames.results.rejected import DeadLetter, read_whole
from metrics.frames.settings import Settings
from metrics.frames.web import hints
from metrics.frames.web.frame_text import copied, frame_text
from metrics.kafka.errors import client_errors
from metrics.web.shell import is_open, paragraph
from metrics.wording.errors import MetricsError
from metrics.wording.text import numbered

COPY_TIMEOUT_S = 10.0
# Whole frames that are read at once, by all pages together: each may take some MB while it is made text.
_AT_ONCE = CapacityLimiter(4)


class WholeFrame:
    """The whole frame of a dead letter. It reads it when it is built, and again to copy it; neither is kept."""

    def __init__(self, settings: Settings, letter: DeadLetter) -> None:
        self._settings = settings
        self._letter = letter
        self._about = paragraph("quiet", "Reading the frame …").props("role=status")
        self._text = TextElement(tag="pre", text="").props('tabindex=0 role=region aria-label="Frame"')
        self._text.set_visibility(False)
        with ui.element("div").classes("copying"):
            ui.button("Copy frame", icon="content_copy", color=None, on_click=self._copy).classes("act").props(
                "flat no-caps"
            )
            self._copied = paragraph("quiet").props("role=status")
        command, does = hints.of_letter(letter, settings.input_topic)
        paragraph("command", command)
        paragraph("quiet", does)
        background_tasks.create(self._show())

    async def _show(self) -> None:
        try:
            about, text = frame_text(await self._read())
        except MetricsError as error:
            about, text = _said(error), ""
            self._about.classes(replace="wrong")
        if self._is_shown():
            letter = self._letter
            if letter.kept_bytes < letter.size_bytes:
                about += (
                    f" The frame had {numbered(letter.size_bytes, 'byte')}; only these are in the dead letter topic."
                )
            self._about.set_text(about)
            self._text.set_text(text)
            self._text.set_visibility(bool(text))

    async def _copy(self) -> None:
        try:
            text = copied(await self._read())
        except MetricsError as error:
            self._copied.set_text(_said(error))
            return
        if not self._is_shown():
            return
        try:
            code = f"return letters.copy({orjson.dumps(text).decode()})"
            is_copied = await self._copied.client.run_javascript(code, timeout=COPY_TIMEOUT_S)
        except TimeoutError:
            is_copied = False
        self._copied.set_text("Copied." if is_copied else "The browser does not allow copying.")

    async def _read(self) -> bytes | None:
        return await to_thread.run_sync(self._read_in_thread, limiter=_AT_ONCE)

    def _read_in_thread(self) -> bytes | None:
        with client_errors("the frame cannot be read"):
            return read_whole(self._settings, self._letter)

    def _is_shown(self) -> bool:
        return is_open(self._about.client) and not self._about.is_deleted


def _said(error: MetricsError) -> str:
    return ": ".join(filter(None, (error.what, error.why)))
