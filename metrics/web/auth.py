"""Access control: the token, and no requests from pages of other sites."""

import hmac
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, quote

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metrics.web import problems
from metrics.web.local_hosts import is_local, why_refused

OPEN_TO_ALL = frozenset({"/healthz", "/readyz"})
COOKIE = "metrics_session"
MAX_FORM_BYTES = 4_096
FORM = "application/x-www-form-urlencoded"
HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
_RAW_HEADERS = {name.lower().encode(): text.encode() for name, text in HEADERS.items()}
CHALLENGE = {"WWW-Authenticate": "Bearer"}
SIGN_IN = (Path(__file__).parent / "sign_in.html").read_text()


class Guard:
    """Middleware that refuses requests and websockets without permission.

    A token, if set, is required as `Authorization: Bearer …`, or as a cookie, which a browser gets by entering the
    token in a form, or by opening `/?token=…`. The cookie is a hash of the token, ends with the browser's session, and
    is not sent with requests from other sites.

    A request whose header Origin names another site is refused. On loopback without a token, so is one for a host
    other than this machine: otherwise another site could read everything, under a name that resolves to this machine
    (DNS rebinding). A proxy must leave the header Host unchanged.

    Args:
        title: of the sign-in page.
        is_loopback: whether it is served on loopback only.
    """

    def __init__(self, app: ASGIApp, token: str | None, *, title: str, is_loopback: bool) -> None:
        self.app = app
        self._token = token.encode() if token else b""
        self._cookie = hmac.digest(self._token, COOKIE.encode(), "sha256").hex()
        self._sign_in = SIGN_IN.replace("{title}", title)
        self._has_only_local_hosts = is_loopback and not token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it to the application."""
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
        """Return the response in place of the application's; None if the request has permission."""
        if asked.scope["path"] in OPEN_TO_ALL:
            return None
        refusal = _unaddressed(asked) or self._foreign(asked)
        if refusal is not None or not self._token:
            return refusal
        in_address = asked.query_params.get("token") if asked.scope["path"] == "/" else None
        if in_address is not None and self._is_token(in_address.encode()):
            return self._signed_in(asked)
        if self._is_known(asked):
            return None
        is_form = asked.scope.get("method") == "POST" and asked.headers.get("Content-Type", "").startswith(FORM)
        if is_form and self._is_token((await _token_in_form(Request(asked.scope, receive))).encode()):
            return self._signed_in(asked)
        return self._unknown(asked, is_wrong=is_form or in_address is not None)

    def _foreign(self, asked: HTTPConnection) -> Response | None:
        host = asked.headers.get("Host", "")
        origin = asked.headers.get("Origin")
        if origin is not None and (not host or origin.partition("://")[2].lower() != host.lower()):
            return problems.answer(403, f"request from another site, {origin}")
        if self._has_only_local_hosts and not is_local(host):
            return problems.answer(403, why_refused(host, "API_TOKEN"))
        return None

    def _is_known(self, asked: HTTPConnection) -> bool:
        scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(token.strip().encode("latin-1")):
            return True
        return hmac.compare_digest(asked.cookies.get(COOKIE, "").encode(), self._cookie.encode())

    def _is_token(self, text: bytes) -> bool:
        return hmac.compare_digest(text, self._token)

    def _signed_in(self, asked: HTTPConnection) -> Response:
        """Set the cookie, and redirect to the requested address, without the token."""
        path = "/" + quote(asked.scope["path"].lstrip("/"))  # two slashes would redirect to another site
        query = "&".join(part for part in asked.url.query.split("&") if "token" not in parse_qs(part))
        address = f"{path}?{query}" if query else path
        answer = RedirectResponse(address, HTTPStatus.SEE_OTHER, problems.HEADERS)
        answer.set_cookie(
            COOKIE, self._cookie, httponly=True, samesite="strict", secure=asked.scope["scheme"] == "https"
        )
        return answer

    def _unknown(self, asked: HTTPConnection, *, is_wrong: bool) -> Response:
        """Send browsers the sign-in page, and other clients an error."""
        if "text/html" not in asked.headers.get("Accept", ""):
            return problems.answer(401, "send the token as Authorization: Bearer …", headers=CHALLENGE)
        page = self._sign_in.replace("{note}", "Wrong token." if is_wrong else "")
        return HTMLResponse(page, HTTPStatus.UNAUTHORIZED, problems.HEADERS | CHALLENGE)


def _unaddressed(asked: HTTPConnection) -> Response | None:
    """Refuse a request without a host, or with several, as RFC 9112 demands (section 3.2)."""
    hosts = sum(name == b"host" for name, _ in asked.scope["headers"])
    if hosts == 1 or (not hosts and asked.scope["http_version"] == "1.0"):
        return None
    return problems.answer(400, "a request needs one header Host, and no other one")


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [header for header in message["headers"] if header[0].lower() not in _RAW_HEADERS]
            message["headers"] = [*others, *_RAW_HEADERS.items()]
        await send(message)

    return with_headers


async def _token_in_form(request: Request) -> str:
    """Return the token in a sign-in form; empty if there is none, or the form is too long."""
    form = b""
    try:
        async for part in request.stream():
            form += part
            if len(form) > MAX_FORM_BYTES:
                return ""
    except ClientDisconnect:
        return ""
    return parse_qs(form.decode(errors="replace")).get("token", [""])[0]
