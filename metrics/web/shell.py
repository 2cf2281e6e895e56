"""The shell of every page: assets, bar, header, and a limit on open pages."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import nicegui
from fastapi import FastAPI, Request, Response
from nicegui import Client, ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.responses import RedirectResponse

from metrics.web import bar, problems
from metrics.web.glance import Glance

RECONNECT_S = 15  # a page that is cut off for longer is loaded again; a busy browser may not answer for some seconds
MAX_PAGES = 100  # each takes about 0.5 MB, for a minute even if no browser connects
STYLE = Path(__file__).parent / "shell.css"


class Page(NamedTuple):
    """A page: its path, assets and builder.

    Attributes:
        title: also of links to it.
        build: called for each browser that opens the page; adds a `header` and what is below it.
        styles, scripts: CSS and JavaScript files.
        glance: returns its system at a glance; None for a page of all systems. It raises MetricsError or HTTPException
            if nothing is known.
    """

    path: str
    title: str
    build: Callable[[], object]
    styles: Sequence[Path]
    scripts: Sequence[Path]
    glance: Callable[[], Awaitable[Glance]] | None = None


def add_to(app: FastAPI, pages: Sequence[Page]) -> None:
    """Add pages to an application, after all its routes: NiceGUI answers whatever these do not.

    Each page begins with the bar. If no page is at `/`, that redirects to the first.
    """
    for page in pages:
        app.add_route(page.path, _head, ["HEAD"])
        _register(page, pages)
    if all(page.path != "/" for page in pages):
        app.add_route("/", lambda _: RedirectResponse(pages[0].path), ["GET", "HEAD"])
    ui.run_with(
        app,
        title=pages[0].title,
        favicon=bar.LOGO,
        language="en-GB",
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_S,
    )
    nicegui.app.config.quasar_config["loadingBar"]["skipHijack"] = True  # a moving bar that has no name
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
        for style in (bar.STYLE, STYLE, *page.styles):
            ui.add_css(style)
        for script in (bar.SCRIPT, *page.scripts):
            ui.add_body_html(f"<script>{script.read_text()}</script>")
        _add_bar(pages, page)
        with ui.element("main").props("id=content"):
            page.build()
        return None


def _add_bar(pages: Sequence[Page], current: Page) -> None:
    client = ui.context.client
    cookies = client.request.cookies
    if client.content.parent_slot is not None:
        client.content.parent_slot.parent.tag = "div"  # Quasar's page is a `main`, and would have the bar in it
    dark = ui.dark_mode(bar.theme_in(cookies))
    # Each update of the page sets the theme that the server knows.
    ui.on("theme", lambda event: dark.set_value(bar.THEMES.get(f"{event.args}")))
    contents = bar.html({page.path: page.title for page in pages if page.path != "/"}, current.path, cookies)
    ui.html(contents, sanitize=False, tag="header").classes("site-bar")


@contextmanager
def header(title: str, about: str) -> Iterator[None]:
    """Add the header of a page's contents: a title with a subtitle, and the page's own elements."""
    with ui.element("div").classes("top"):
        with ui.element("div"):
            heading(1, title)
            paragraph("quiet", about)
        yield


def is_open(client: Client) -> bool:
    """Return whether a browser still shows a page: what it waited for may have taken its time."""
    return client.id in Client.instances


def chart(options: dict[str, Any]) -> ui.echart:
    """Add a chart, with options for ECharts."""
    ui.run_javascript("measure_texts()")
    return ui.echart(options, renderer="svg").classes("chart")


def heading(level: int, text: str, classes: str = "") -> None:
    """Add a heading."""
    TextElement(tag=f"h{level}", text=text).classes(classes)


def paragraph(classes: str = "", text: str = "") -> TextElement:
    """Add a paragraph."""
    return TextElement(tag="p", text=text).classes(classes)
