"""Parts that several pages have. Each builds itself and is then updated; only changes are sent to the browser."""

from collections.abc import Sequence
from typing import NamedTuple

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from metrics.web.shell import paragraph


class Banner:
    """A banner that says what is wrong; hidden if nothing is."""

    def __init__(self) -> None:
        self._banner = ui.element("div").classes("banner").props("role=alert")
        with self._banner:
            ui.icon("warning").props("aria-hidden=true")
            with ui.element("div"):
                self._what = paragraph("what")
                self._more = paragraph("quiet")
        self.show("")

    def show(self, what: str, more: str = "") -> None:
        """Show a text, and a quieter one below it; nothing if it is empty."""
        self._banner.set_visibility(bool(what))
        self._what.set_text(what)
        self._more.set_text(more)


class Note:
    """A text, and commands below it in a font of their own."""

    def __init__(self) -> None:
        self._element = ui.element("div").classes("lines")
        self._shown: tuple[str, Sequence[str]] = "", ()

    def show(self, text: str, commands: Sequence[str] = ()) -> None:
        """Show a text and commands."""
        if (text, commands) != self._shown:
            self._shown = text, commands
            self._element.clear()
            with self._element:
                paragraph("quiet", text)
                for command in commands:
                    paragraph("command", command)


class Figure(NamedTuple):
    """A number with its name, as people read it.

    Attributes:
        number: with its unit.
        meaning: a line of explanation.
    """

    name: str
    number: str
    meaning: str


class FigureCard:
    """A card for one figure."""

    def __init__(self) -> None:
        with ui.element("div").classes("figure"):
            self._name = TextElement(tag="h3", text="")
            self._number = paragraph("number")
            self._meaning = paragraph("meaning")

    def show(self, figure: Figure) -> None:
        """Show a figure."""
        self._name.set_text(figure.name)
        self._number.set_text(figure.number)
        self._meaning.set_text(figure.meaning)
