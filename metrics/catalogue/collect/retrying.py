"""Retries of a connection that cannot be made at once."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeVar

DELAYS_S = (1, 3)

T = TypeVar("T")


def connect_with_retries(
    name: str, connect: Callable[[], T], errors: tuple[type[Exception], ...], report: Callable[[str], None]
) -> T:
    """Return a connection; after one of `errors`, report it and try again.

    An unknown host or an invalid certificate would stay so: there is no second attempt.

    Args:
        name: of the source.
        report: prints a line.
    """
    for delay_s in DELAYS_S:
        try:
            return connect()
        except errors as error:
            if any(map(_is_lasting, _causes(error))):
                raise
            report(
                f"{name} cannot be reached: {str(error) or type(error).__name__}; the next attempt is in {delay_s} s"
            )
        time.sleep(delay_s)
    return connect()


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    for cause in filter(None, (error.__cause__ or error.__context__,)):
        yield from chain(_causes(cause))


def _is_lasting(error: BaseException) -> bool:
    is_unknown = isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN
    return is_unknown or isinstance(error, ssl.SSLCertVerificationError)
