"""The shell of every page: assets, header, theme, and a limit on open pages."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import nicegui
from fastapi import FastAPI, Request, Response
from nicegui import Client, ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.responses import RedirectResponse

from metrics.web import problems

MAX_PAGES = 100  # each takes about 0.5 MB, for a minute even if no browser connects
STYLE = Path(__file__).parent / "shell.css"
THEME = "theme"  # the cookie that stores the choice
THEMES = {"system": None, "dark": True, "light": False}


class Page(NamedTuple):
    """A page: its path, assets and builder.

    Attributes:
        title: also of links to it.
        build: called for each browser that opens the page; adds a `header` and a `main`.
        styles, scripts: CSS and JavaScript files.
    """

    path: str
    title: str
    build: Callable[[], object]
    styles: Sequence[Path]
    scripts: Sequence[Path]


def add_to(app: FastAPI, pages: Sequence[Page]) -> None:
    """Add pages to an application, after all its routes: NiceGUI answers whatever these do not.

    Each page begins with links to all of them. If none is at `/`, that redirects to the first.
    """
    for page in pages:
        app.add_route(page.path, _head, ["HEAD"])
        _register(page, pages)
    if all(page.path != "/" for page in pages):
        app.add_route("/", lambda _: RedirectResponse(pages[0].path), ["GET", "HEAD"])
    ui.run_with(
        app,
        title=pages[0].title,
        language="en-GB",
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
    )
    problems.add_to(nicegui.app, {})
    nicegui.app.state.may_write = app.state.may_write  # requests of pages have that application


async def _head(_: Request) -> Response:
    answer = Response(media_type="text/html")
    del answer.headers["Content-Length"]  # of GET, it is not known
    return answer


def _register(page: Page, pages: Sequence[Page]) -> None:
    @ui.page(page.path, title=page.title, dark=None)
    def build() -> Response | None:
        if len(Client.instances) > MAX_PAGES:
            return problems.answer(503, "too many pages are open, or were opened in the last minute")
        for style in (STYLE, *page.styles):
            ui.add_css(style)
        for script in page.scripts:
            ui.add_body_html(f"<script>{script.read_text()}</script>")
        if len(pages) > 1:
            _add_links(pages, page)
        page.build()
        return None


def _add_links(pages: Sequence[Page], current: Page) -> None:
    with ui.element("nav").classes("pages").props('aria-label="Pages"'):
        for page in pages:
            link = ui.link(page.title, page.path)
            if page is current:
                link.props("aria-current=page")


@contextmanager
def header(title: str, about: str) -> Iterator[None]:
    """Add the header: a title with a subtitle, the page's own elements, and the theme button."""
    with ui.element("header").classes("top"):
        with ui.element("div"):
            heading(1, title)
            paragraph("quiet", about)
        yield
        _add_theme_button()


def is_open(client: Client) -> bool:
    """Return whether a browser still shows a page: what it waited for may have taken its time."""
    return client.id in Client.instances


def heading(level: int, text: str) -> None:
    """Add a heading."""
    TextElement(tag=f"h{level}", text=text)


def paragraph(classes: str = "", text: str = "") -> TextElement:
    """Add a paragraph."""
    return TextElement(tag="p", text=text).classes(classes)


def _add_theme_button() -> None:
    """Add the button that switches the theme; a cookie stores the choice."""
    names = list(THEMES)
    chosen = ui.context.client.request.cookies.get(THEME, "")
    at = names.index(chosen) if chosen in THEMES else 0
    dark = ui.dark_mode(THEMES[names[at]])
    button = ui.button(f"Theme: {names[at]}", icon="contrast", color=None).classes("theme").props("flat no-caps")

    def switch() -> None:
        nonlocal at
        at = (at + 1) % len(names)
        dark.value = THEMES[names[at]]
        button.set_text(f"Theme: {names[at]}")
        ui.run_javascript(f"document.cookie = '{THEME}={names[at]}; path=/; max-age=31536000; SameSite=Strict'")

    button.on_click(switch)
