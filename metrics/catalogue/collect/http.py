"""Downloads by HTTP."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager

import httpx

from metrics import __version__
from metrics.catalogue.collect.address import Address, netrc_credentials
from metrics.catalogue.collect.encoded import decode, needs_decoding
from metrics.catalogue.collect.retrying import connect_with_retries
from metrics.catalogue.collect.source import AGAIN, UNREACHED, Source, check_length
from metrics.wording.errors import FileError, SettingsError
from metrics.wording.text import in_line

TIMEOUT = httpx.Timeout(60, connect=15)

_HOW_TO_STATUS = {
    401: "put the login into ~/.netrc, or into the address: https://user:password@host/…",
    403: "ask for permission; a signed address may have expired",
    404: "check the address",
    407: "put the login of the proxy into its address, in HTTPS_PROXY or HTTP_PROXY",
}


class Download(Source):
    """A file that a server sends by HTTP.

    Args:
        report: prints a line: that connecting is tried again.

    Raises:
        SettingsError: the address cannot be read.
        FileError: the netrc file cannot be read.
    """

    def __init__(self, address: Address, environment: Mapping[str, str], report: Callable[[str], None]) -> None:
        super().__init__(in_line(address.name), address.path_name, None)
        self._report = report
        self._login = address.given if any(address.given) else netrc_credentials(address.host, environment)
        try:
            self._url = httpx.URL(address.url)
        except httpx.InvalidURL:
            raise SettingsError(f"the {address.scheme}:// address cannot be read") from None

    def pieces(self) -> Generator[bytes, None, None]:
        """Yield the body of the response; it is complete if it has the announced length, or its last chunk came."""
        with self._errors(), self._client() as client, closing(self._response(client)) as response:
            self._require_ok(response)
            length_bytes = self._length_bytes(response)
            encoding = response.headers.get("content-encoding", "").strip().lower()
            pieces = check_length(self.name, response.iter_raw(), length_bytes)
            if needs_decoding(encoding, self.path_name):
                yield from decode(self.name, encoding, pieces)
            else:
                self.size_bytes = length_bytes
                yield from pieces

    def _client(self) -> httpx.Client:
        try:
            return httpx.Client(
                auth=self._login,
                follow_redirects=True,
                timeout=TIMEOUT,
                headers={"accept": "*/*", "accept-encoding": "identity", "user-agent": f"metrics/{__version__}"},
                event_hooks={"request": [self._require_no_downgrade]},
            )
        except (ValueError, ImportError, OSError) as error:  # such as a wrong proxy address, shown without its password
            hint = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
            raise SettingsError("the HTTP settings cannot be used", why=str(error), hint=hint) from error

    def _response(self, client: httpx.Client) -> httpx.Response:
        def connect() -> httpx.Response:
            return client.send(client.build_request("GET", self._url), stream=True)

        return connect_with_retries(self.name, connect, (httpx.ConnectError, httpx.ConnectTimeout), self._report)

    def _require_no_downgrade(self, request: httpx.Request) -> None:
        if self._url.scheme == "https" and request.url.scheme != "https":
            raise FileError(
                f"{self.name} cannot be read",
                why="the server redirects from https to an address that is not protected",
                hint="if you trust that address, use it in --config",
            )

    def _require_ok(self, response: httpx.Response) -> None:
        if response.status_code != httpx.codes.OK:
            raise FileError(
                f"{self.name} cannot be read",
                why=f"the server answers {response.status_code} {in_line(response.reason_phrase)}".rstrip(),
                hint=_HOW_TO_STATUS.get(response.status_code, "check the address, or try again later"),
            )

    def _length_bytes(self, response: httpx.Response) -> int | None:
        """Return the length of the body; None if it is sent in chunks, the last of which is marked.

        Raises:
            FileError: the server announces neither, so a truncated body would look complete.
        """
        if "transfer-encoding" in response.headers:  # a length is ignored then, and the client allows only chunks
            return None
        try:
            return int(response.headers["content-length"])
        except (KeyError, ValueError):
            raise FileError(
                f"{self.name} cannot be checked",
                why="the server announces neither its length nor its end, so a truncated download would look complete",
                hint="download it, compare it with the original, and load the file",
            ) from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of the client into FileErrors.

        Raises:
            FileError: the server cannot be reached, or the transfer failed.
        """
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            hint = UNREACHED if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) else AGAIN
            raise FileError(f"{self.name} cannot be read", why=str(error) or type(error).__name__, hint=hint) from error
