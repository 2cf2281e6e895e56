"""The API's documentation, with the bar of the pages, and dark where they are."""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse

from metrics.web import bar

_FILES = "/static-offline-docs"  # of FastAPIOffline
_STYLE = bar.STYLE.read_text(encoding="utf-8")
_AROUND = (
    ".site-bar { padding: 0 20px; margin: 0; } body { margin: 0; } html.dark-mode .swagger-ui { background: none; }"
)
_SCRIPT = bar.SCRIPT.read_text(encoding="utf-8")


def add_to(app: FastAPI, titles: Mapping[str, str]) -> None:
    """Add the documentation of an application.

    Args:
        titles: of its pages, by their paths.
    """

    async def documentation(request: Request) -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=f"{app.openapi_url}",
            title=f"{bar.DOCS_TITLE} · {app.title}",
            swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{_FILES}/swagger-ui.css",
            swagger_favicon_url=bar.FAVICON,
        )
        top = f'<header class="site-bar">{bar.html(titles, bar.DOCS_PATH, request.cookies)}</header><main id="content">'
        text = bytes(page.body).decode()
        text = text.replace("<html>", '<html lang="en">').replace("</head>", f"<style>{_STYLE}{_AROUND}</style></head>")
        text = text.replace("<body>", f"<body>{top}<script>{_SCRIPT}theme.show();</script>")
        return HTMLResponse(text.replace('<div id="swagger-ui">\n    </div>', '<div id="swagger-ui"></div></main>'))

    app.add_route(bar.DOCS_PATH, documentation, ["GET", "HEAD"], include_in_schema=False)
