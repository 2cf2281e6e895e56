"""The HTTP clients of the streams, with their credentials."""

import os
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import anyio.lowlevel
import httpx

from metrics import __version__
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.reconnect import EVENT_STREAM
from metrics.wording.errors import SettingsError

_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


class Access(NamedTuple):
    """Address of a stream, and the client that requests it.

    Attributes:
        url: of the stream.
        client: sends the credentials, and follows no redirects, so no other address gets them.
    """

    url: httpx.URL
    user: str
    client: httpx.AsyncClient


@asynccontextmanager
async def open_clients(
    endpoint: str, user: str, password: str, *, uses_proxies: bool = True
) -> AsyncIterator[Mapping[str, Access]]:
    """Yield a client for each stream, ready to connect; each has its own connections.

    A netrc file is not read.

    Args:
        uses_proxies: whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured.

    Raises:
        SettingsError: the endpoint, or the proxies or certificates of the environment, cannot be used.
    """
    async with AsyncExitStack() as stack:
        tls = _tls()
        with _proxy_errors(tls):
            clients = {stream: _client(user, password, tls, uses_proxies=uses_proxies) for stream in STREAMS}
        accesses = {stream: Access(_url(endpoint, stream), user, client) for stream, client in clients.items()}
        for access in accesses.values():
            await stack.enter_async_context(access.client)
        # Its first call takes 50 ms for imports, which the first connection would need.
        await anyio.lowlevel.checkpoint()
        yield accesses


def _client(user: str, password: str, tls: ssl.SSLContext, *, uses_proxies: bool) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        trust_env=uses_proxies,
        auth=httpx.BasicAuth(user, password),
        verify=tls,
        timeout=None,  # noqa: S113  # a stream may be idle; HARVEST_CONNECT_S limits the wait for its headers
        limits=httpx.Limits(max_keepalive_connections=0),
        headers={
            "user-agent": f"metrics/{__version__}",
            "accept": EVENT_STREAM,
            "accept-encoding": "identity",
            "cache-control": "no-store",
        },
    )


def _url(endpoint: str, stream: str) -> httpx.URL:
    """Return the address of a stream: that of the endpoint, followed by its name."""
    parts = urlsplit(endpoint)
    try:
        url = httpx.URL(f"{endpoint}{'' if parts.path or parts.query else '/'}{stream}")
        assert url.host, "settings require one"  # IDNA is decoded only here
    except (httpx.InvalidURL, UnicodeError) as error:
        raise SettingsError("STREAM_ENDPOINT cannot be used", why=str(error)) from None
    return url


def _tls() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise SettingsError(
            "the certificates cannot be read",
            why=f"SSL_CERT_FILE={os.environ.get('SSL_CERT_FILE', '')!r}: {error.strerror or error}",
            hint="SSL_CERT_FILE names a file of certificates in PEM; unset, those of the package certifi are used",
        ) from None


@contextmanager
def _proxy_errors(tls: ssl.SSLContext) -> Iterator[None]:
    """Convert errors of proxies into a SettingsError without their addresses, which may contain passwords."""
    try:
        yield
    except (ValueError, ImportError, httpx.InvalidURL):
        wrong = [name for name, text in os.environ.items() if name.lower() in _PROXIES and not _is_proxy(text, tls)]
        whys = [f"{name} is not the address of an HTTP proxy" for name in wrong] or ["NO_PROXY is not a list of hosts"]
        hint = "write a proxy as http://user:password@host:port, with %2F for / and %40 for @ in the password"
        raise SettingsError("the HTTP settings cannot be used", why="\n".join(whys), hint=hint) from None


def _is_proxy(text: str, tls: ssl.SSLContext) -> bool:
    try:
        httpx.AsyncHTTPTransport(verify=tls, proxy=text if "://" in text else f"http://{text}")
    except (ValueError, ImportError, httpx.InvalidURL):
        return not text  # an empty variable counts as unset
    return True
