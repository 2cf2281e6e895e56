"""The application: pages and routes of any systems, with one API document and one set of access rules."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from metrics.web import docs, health, openapi, problems, shell, start_page
from metrics.web.auth import Guard
from metrics.web.direct import Direct
from metrics.web.problems import Form
from metrics.web.shell import Page

VERSION = "1"
ABOUT_ERRORS = "Errors are returned as `application/problem+json` (RFC 9457). HEAD is accepted wherever GET is."


class System(NamedTuple):
    """One system's part of the server.

    Attributes:
        routers: its routes; see `metrics.web.reading` for those that take GET and HEAD.
        answers: the types of their responses, for the API document.
        pages: its pages, whose paths no other system uses.
        why_not_ready: returns why its results are not up to date, in words that need no token; None if they are.
        tick: called about ten times a second.
        stop: ends responses that have no end of their own.
        error_forms: forms of errors, by the regular expression of paths that do not have problem details.
    """

    routers: Sequence[APIRouter]
    answers: Sequence[Any]
    pages: Sequence[Page]
    why_not_ready: Callable[[], str | None]
    tick: Callable[[], None]
    stop: Callable[[], None]
    error_forms: Mapping[str, Form] = MappingProxyType({})


def create_app(
    systems: Sequence[System], *, title: str, about: str, token: str | None, is_loopback: bool = True
) -> FastAPI:
    """Return the application: the routes of each system and of health, their documentation, and the pages.

    Args:
        title, about: of the API document.
        token: required by every route except the health checks; None for none.
        is_loopback: whether it is served on loopback only.
    """
    # swagger-ui's files come with a package
    described = f"{about}\n\n{ABOUT_ERRORS}\n"
    app = FastAPIOffline(title=title, version=VERSION, description=described, docs_url=None, redoc_url=None)
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods == {"GET"}:
            route.methods.add("HEAD")
    for system in systems:
        for router in system.routers:
            app.include_router(router)
    app.include_router(health.router([system.why_not_ready for system in systems]))
    problems.add_to(app, {path: form for system in systems for path, form in system.error_forms.items()})
    answers = [health.Health, *(answer for system in systems for answer in system.answers)]
    openapi.add_to(app, answers, with_token=token is not None)
    app.state.may_write = token is not None or is_loopback
    pages = [page for system in systems for page in system.pages]
    docs.add_to(app, {page.path: page.title for page in pages})
    if len(pages) > 1:
        pages.insert(0, start_page.page(pages))
    if pages:
        shell.add_to(app, pages)
    direct = [route for system in systems for router in system.routers for route in router.routes]
    app.add_middleware(Direct, routes=direct)
    app.add_middleware(Guard, token=token, title=title, is_loopback=is_loopback)
    return app
