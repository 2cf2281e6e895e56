"""The HTTP clients of the streams, with their credentials."""

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import anyio.lowlevel
import httpx

from metrics import __version__
from metrics.errors import SettingsError
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.reconnect import EVENT_STREAM


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
async def open_clients(endpoint: str, user: str, password: str) -> AsyncIterator[Mapping[str, Access]]:
    """Yield a client for each stream, ready to connect; each has its own connections.

    HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured; a netrc file is not read.

    Raises:
        SettingsError: the endpoint, or the proxies or certificates of the environment, cannot be used.
    """
    async with AsyncExitStack() as stack:
        with _settings_errors():
            tls = httpx.create_ssl_context()
            accesses = {
                stream: Access(_url(endpoint, stream), user, _client(user, password, tls)) for stream in STREAMS
            }
        for access in accesses.values():
            await stack.enter_async_context(access.client)
        await (
            anyio.lowlevel.checkpoint()
        )  # its first call takes 50 ms for imports, which the first connection would need
        yield accesses


def _client(user: str, password: str, tls: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
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


@contextmanager
def _settings_errors() -> Iterator[None]:
    try:
        yield
    except (ValueError, ImportError, OSError) as error:  # httpx shows a wrong proxy address without its password
        hint = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
        raise SettingsError("the HTTP settings cannot be used", why=str(error), hint=hint) from None
