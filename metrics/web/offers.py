"""Offers of a client to switch to another protocol (RFC 9110, section 7.8), which a server may ignore."""

from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OfferParser(HttpRequestParser):
    """A parser that reads a request with an ignored offer as if the offer were not there.

    httptools ends a request with any offer after its head, and would read its body as the next request; uvicorn leaves
    it at that (its issue 2722). So its head is parsed again without the header Upgrade. curl offers HTTP/2, and so does
    Java's client by default.

    Args:
        protocol: the connection; it must not begin to answer a head that `should_upgrade`, unless it accepts the offer.
        accepts: returns whether it accepts the offer of the head that was parsed last.
    """

    def __init__(self, protocol: HttpToolsProtocol, accepts: Callable[[], bool]) -> None:
        super().__init__(protocol)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as in uvicorn's, to answer before it closes
        self._protocol = protocol
        self._accepts = accepts

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # of all buffers, a connection passes bytes
        """Parse some bytes.

        Raises:
            HttpParserError: they are not HTTP, or ask for a tunnel.
            HttpParserUpgrade: an offer is accepted.
        """
        rest = memoryview(data)  # slices of it are not copied, however many requests it holds
        while True:
            try:
                super().feed_data(rest)
            except HttpParserUpgrade as offer:
                if self._accepts():
                    raise
                rest = rest[offer.args[0] :]  # what follows the head
                super().feed_data(self._head_without_offer())
            else:
                return

    def _head_without_offer(self) -> bytes:
        if self.get_method() == b"CONNECT":  # what follows is meant for the other end of a tunnel
            raise HttpParserError("a tunnel")
        version = self.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.get_method(), self._protocol.url, version)]
        lines += [b"%s: %s" % header for header in self._protocol.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])
