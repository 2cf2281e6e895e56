"""Client of an upload: `sending.py stream URL FILE TIMES`, or `sending.py each URL FILE EVENTS`.

`stream` sends the file TIMES times in one request, `each` its first EVENTS events in a request each, over CONNECTIONS
connections. It prints a `Sent` as JSON.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from itertools import islice
from pathlib import Path
from time import monotonic, process_time
from urllib.parse import urlsplit

import msgspec

BLOCK_BYTES = 256 * 1024
CONNECTIONS = 16
TIMEOUT_S = 7_200.0
OK = 200


class Sent(msgspec.Struct, frozen=True):
    """Upload as its sender sees it.

    Attributes:
        size_bytes: of the lines.
        cpu_s: processor time of the sender.
    """

    accepted: int
    rejected: int
    size_bytes: int
    seconds: float
    cpu_s: float


class Answer(msgspec.Struct):
    """Answer to an upload, as far as it matters here."""

    accepted: int
    rejected: int


def stream(url: str, file: Path, times: int) -> tuple[int, int, int]:
    """Send a file several times in one request; return the numbers of accepted and rejected lines, and the size.

    Raises:
        ConnectionError: the server refused it.
    """
    address = urlsplit(url)
    with closing(HTTPConnection(address.netloc, timeout=TIMEOUT_S)) as connection:
        headers = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}
        connection.request("POST", address.path, _blocks(file, times), headers, encode_chunked=True)
        response = connection.getresponse()
        body = response.read()
    if response.status != OK:
        raise ConnectionError(f"{response.status} {body[:500].decode(errors='replace')}")
    answer = msgspec.json.decode(body, type=Answer)
    return answer.accepted, answer.rejected, times * file.stat().st_size


def _blocks(file: Path, times: int) -> Iterator[bytes]:
    for _ in range(times):
        with file.open("rb") as lines:
            while block := lines.read(BLOCK_BYTES):
                yield block


def each(url: str, file: Path, events: int) -> tuple[int, int, int]:
    """Send events in a request each; return the numbers of accepted and other ones, and their size."""
    with file.open("rb") as opened:
        lines = [line.rstrip(b"\n") for line in islice(opened, events)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        found = threads.map(
            lambda part: _requests(url, part), [lines[start::CONNECTIONS] for start in range(CONNECTIONS)]
        )
        statuses = [status for part in found for status in part]
    return statuses.count(OK), len(statuses) - statuses.count(OK), sum(len(line) + 1 for line in lines)


def _requests(url: str, lines: list[bytes]) -> list[int]:
    """Send events in a request each; return the statuses, 0 if the server closed the connection instead."""
    address = urlsplit(url)
    statuses = []
    with closing(HTTPConnection(address.netloc, timeout=TIMEOUT_S)) as connection:
        for line in lines:
            try:
                connection.request("POST", address.path, line, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                statuses.append(response.status)
            except (ConnectionError, HTTPException):
                connection.close()
                statuses.append(0)
    return statuses


def main() -> None:
    """Send, and print how it went."""
    way, url, file, number = sys.argv[1:]
    began_s, cpu_s = monotonic(), process_time()
    sent = {"stream": stream, "each": each}[way](url, Path(file), int(number))
    report = Sent(*sent, seconds=monotonic() - began_s, cpu_s=process_time() - cpu_s)
    print(msgspec.json.encode(report).decode())


if __name__ == "__main__":
    main()
