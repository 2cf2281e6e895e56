"""Who may ask: whoever shows the token, and no page of another site."""

import hmac
from http import HTTPStatus
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metrics.web import problems, sign_in_page
from metrics.web.local_hosts import is_local

OPEN_TO_ALL = frozenset({"/healthz", "/readyz"})
COOKIE = "frames_metrics"
MOST_FORM_BYTES = 4_096
FORM = "application/x-www-form-urlencoded"
HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}


class Guard:
    """Lets through who may ask, over HTTP and over websockets; health may be asked for by anybody.

    With a token, it has to be shown: as `Authorization: Bearer …`, or as a cookie, which a browser gets for the token
    in a form, or in the address `/?token=…`. The cookie holds a hash of the token, ends with the browser's session, and
    goes with no request that another site makes.

    A request that says that a page of another site makes it, by its header Origin, is refused. Without a token, and
    served at loopback, so is one for a host that is not this machine: a name of another site's that leads here (DNS
    rebinding) would let its pages read what they like. A proxy has to leave the header Host as it is.

    Args:
        is_loopback: whether it is served at loopback only.
    """

    def __init__(self, app: ASGIApp, token: str | None, *, is_loopback: bool) -> None:
        self.app = app
        self._token = token.encode() if token else b""
        self._cookie = hmac.digest(self._token, COOKIE.encode(), "sha256").hex()
        self._has_only_local_hosts = is_loopback and not token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        answer = await self._answer(HTTPConnection(scope), receive)
        if answer is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, _with_headers(send))

    async def _answer(self, asked: HTTPConnection, receive: Receive) -> Response | None:
        """Return what a request gets in the place of the application's answer; None where it may have that."""
        if asked.scope["path"] in OPEN_TO_ALL:
            return None
        refusal = self._foreign(asked)
        if refusal is not None or not self._token:
            return refusal
        if self._is_token(_in_address(asked).encode()):
            return self._signed_in(asked)
        if self._is_known(asked):
            return None
        if self._is_token((await _in_form(asked, receive)).encode()):
            return self._signed_in(asked)
        return _unknown(asked)

    def _foreign(self, asked: HTTPConnection) -> Response | None:
        host = asked.headers.get("Host", "")
        origin = asked.headers.get("Origin")
        if origin is not None and (not host or _netloc(origin) != host.lower()):
            return problems.answer(403, f"asked by a page of another site, {origin}")
        if self._has_only_local_hosts and not is_local(host):
            return problems.answer(403, f"asked for the host {host}: use 127.0.0.1, or set API_TOKEN")
        return None

    def _is_known(self, asked: HTTPConnection) -> bool:
        scheme, _, shown = asked.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(shown.strip().encode("latin-1")):
            return True
        return hmac.compare_digest(asked.cookies.get(COOKIE, "").encode(), self._cookie.encode())

    def _is_token(self, shown: bytes) -> bool:
        return hmac.compare_digest(shown, self._token)

    def _signed_in(self, asked: HTTPConnection) -> Response:
        """Give the cookie, and lead to the address without the token."""
        others = [(name, value) for name, value in asked.query_params.multi_items() if name != "token"]
        path = "/" + quote(asked.scope["path"].lstrip("/"))  # two slashes would lead to another site
        address = f"{path}?{urlencode(others)}" if others else path
        answer = RedirectResponse(address, HTTPStatus.SEE_OTHER, problems.HEADERS)
        answer.set_cookie(
            COOKIE, self._cookie, httponly=True, samesite="strict", secure=asked.scope["scheme"] == "https"
        )
        return answer


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return with_headers


def _netloc(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def _in_address(asked: HTTPConnection) -> str:
    """Return the token of the page's address; empty where there is none."""
    return asked.query_params.get("token", "") if asked.scope["path"] == "/" else ""


async def _in_form(asked: HTTPConnection, receive: Receive) -> str:
    """Return the token of the form that signs in; empty where there is none."""
    if asked.scope.get("method") != "POST" or not asked.headers.get("Content-Type", "").startswith(FORM):
        return ""
    form = b""
    try:
        async for part in Request(asked.scope, receive).stream():
            form += part
            if len(form) > MOST_FORM_BYTES:
                return ""
    except ClientDisconnect:
        return ""
    return next(iter(parse_qs(form.decode(errors="replace")).get("token", ())), "")


def _unknown(asked: HTTPConnection) -> Response:
    """Return a page that asks for the token, to a browser; a problem, to others."""
    challenge = {"WWW-Authenticate": "Bearer"}
    if "text/html" not in asked.headers.get("Accept", ""):
        return problems.answer(401, "show the token: Authorization: Bearer …", headers=challenge)
    is_wrong = asked.scope.get("method") == "POST" or "token" in asked.query_params
    return HTMLResponse(sign_in_page.html(is_wrong=is_wrong), HTTPStatus.UNAUTHORIZED, problems.HEADERS | challenge)
