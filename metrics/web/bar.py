"""The bar at the top of every page and of the API's documentation: where one is, where else one can go, the theme."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

from metrics import __version__

FOLDER = Path(__file__).parent
LOGO = (FOLDER / "logo.svg").read_text(encoding="utf-8").strip()
FAVICON = f"data:image/svg+xml,{quote(LOGO)}"
STYLE = FOLDER / "bar.css"
SCRIPT = FOLDER / "shell.js"
DOCS_PATH, DOCS_TITLE = "/docs", "API"
THEME = "theme"  # the cookie that stores the choice
THEMES = {"system": None, "light": False, "dark": True}
_BAR = (FOLDER / "bar.html").read_text(encoding="utf-8")


def theme_in(cookies: Mapping[str, str]) -> bool | None:
    """Return whether a page is dark, by the cookies of its request; None if it follows the system."""
    return THEMES.get(cookies.get(THEME, ""))


def html(titles: Mapping[str, str], current: str, cookies: Mapping[str, str]) -> str:
    """Return the contents of the bar.

    Args:
        titles: of the pages, by their paths.
        current: the path of this page.
    """
    chosen = cookies.get(THEME, "") if cookies.get(THEME) in THEMES else "system"
    links = {**titles, DOCS_PATH: DOCS_TITLE}.items()
    return _BAR.format(
        logo=LOGO.replace("<svg", '<svg aria-hidden="true"', 1),
        version=escape(__version__),
        links="".join(_link(path, title, is_current=path == current) for path, title in links),
        themes="".join(_choice(name, is_chosen=name == chosen) for name in THEMES),
    )


def _link(path: str, title: str, *, is_current: bool) -> str:
    return f'<a href="{escape(path)}"{" aria-current=page" if is_current else ""}>{escape(title)}</a>'


def _choice(name: str, *, is_chosen: bool) -> str:
    pressed = str(is_chosen).lower()
    return (
        f'<button type="button" value="{name}" onclick="theme.choose(this.value)" aria-pressed="{pressed}">'
        f"{name.capitalize()}</button>"
    )
