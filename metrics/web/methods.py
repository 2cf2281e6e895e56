"""Methods of a path: those that no route takes are refused with an error that names the others."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from metrics.web import problems


def refuse_others(router: APIRouter, path: str, methods: Sequence[str]) -> None:
    """Refuse all methods of a path but those that the routes before it take."""
    router.routes.append(Route(router.prefix + path, _Refusal(", ".join(methods)), include_in_schema=False))


class _Refusal:
    """A refusal of all other methods; an ASGI application, because only its route gets every method."""

    def __init__(self, accepted: str) -> None:
        self._accepted = accepted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"{scope['path']} accepts {self._accepted} only"
        await problems.answer(405, detail, headers={"Allow": self._accepted})(scope, receive, send)
