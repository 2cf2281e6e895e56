"""Methods of a path: those that no route takes are refused with an error that names the others."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from metrics.web import problems


def refuse_others(router: APIRouter, path: str, methods: Sequence[str]) -> None:
    """Refuse all methods of a path but those that the routes before it take.

    Args:
        methods: that the newest route of the path takes, beside those of earlier calls.
    """
    path = router.prefix + path
    for route in [*router.routes]:
        if isinstance(route, Route) and isinstance(route.endpoint, _Refusal) and route.path == path:
            router.routes.remove(route)
            methods = (*route.endpoint.accepted, *methods)
    router.routes.append(Route(path, _Refusal(methods), include_in_schema=False))


class _Refusal:
    """A refusal of all other methods; an ASGI application, because only its route gets every method."""

    def __init__(self, accepted: Sequence[str]) -> None:
        self.accepted = accepted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accepted = ", ".join(self.accepted)
        detail = f"{scope['path']} accepts {accepted} only"
        await problems.answer(405, detail, headers={"Allow": accepted})(scope, receive, send)
