"""Parts that several pages have. Each builds itself and is then updated; only changes are sent to the browser."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from metrics.web.glance import Condition, State
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


class Pill:
    """A state, as an icon and words in its colour. While the browser has lost the server, it says so."""

    def __init__(self) -> None:
        with ui.element("div").classes("pill").props("role=status") as self._pill:
            self._icon = ui.icon("hourglass_empty").props("aria-hidden=true")
            self._words = TextElement(tag="span", text="Not known yet").classes("words")
            TextElement(tag="span", text="Disconnected").classes("cut-off")

    def show(self, state: State) -> None:
        """Show a state."""
        self._icon.set_name(state.condition.value)
        self._words.set_text(state.words)
        self._pill.classes(replace=f"pill {state.condition.name.lower()}")


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
        condition: whether it is as it should be; None if that is not known, or has no meaning.
        verdict: the condition in a word or two.
        past: its values so far, the oldest first, for a small chart.
        is_old: whether it is not of the present, which its colour shows, and its meaning says.
    """

    name: str
    number: str
    meaning: str
    condition: Condition | None = None
    verdict: str = ""
    past: Sequence[float] = ()
    is_old: bool = False


def concerns(figures: Iterable[Figure]) -> Iterator[tuple[Condition, str]]:
    """Yield the condition of each figure that has one, and what it says, as `rejected very high (12.5%)`."""
    for figure in figures:
        if figure.condition is not None:
            number = "" if figure.is_old else f" ({figure.number})"
            yield figure.condition, f"{figure.name.lower()} {figure.verdict}{number}"


class FigureCard:
    """A card for one figure."""

    def __init__(self) -> None:
        with ui.element("div").classes("figure") as self._card:
            with ui.element("div").classes("name"):
                self._name = TextElement(tag="h3", text="")
                with ui.element("span").classes("verdict") as self._badge:
                    self._icon = ui.icon("").props("aria-hidden=true")
                    self._verdict = TextElement(tag="span", text="")
            with ui.element("div").classes("value"):
                self._number = paragraph("number")
                self._past = ui.html("", sanitize=False).classes("past").props("aria-hidden=true")
            self._meaning = paragraph("meaning")

    def show(self, figure: Figure) -> None:
        """Show a figure."""
        self._name.set_text(figure.name)
        self._number.set_text(figure.number)
        self._meaning.set_text(figure.meaning)
        self._past.set_content(_sparkline(figure.past))
        self._badge.set_visibility(figure.condition is not None)
        condition = figure.condition or Condition.UNKNOWN
        self._icon.set_name(condition.value)
        self._verdict.set_text(figure.verdict)
        look = ("figure", "" if figure.condition is None else condition.name.lower(), "old" if figure.is_old else "")
        self._card.classes(replace=" ".join(look))


def _sparkline(values: Sequence[float]) -> str:
    """Return a line over some values from zero on, as an SVG that fills its element; nothing for fewer than two."""
    most = max(values, default=0)
    if len(values) <= 1:
        return ""
    points = " ".join(f"{at},{20 - 18 * value / most if most else 20:.1f}" for at, value in enumerate(values))
    line = f'<polyline points="{points}" vector-effect="non-scaling-stroke"/>'
    return f'<svg viewBox="0 0 {len(values) - 1} 21" preserveAspectRatio="none">{line}</svg>'
