"""Sending of files of events: into the topic, or to the API of another process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import httpx
import msgspec

from metrics.files.line_reader import Lines
from metrics.files.packed import BROKEN, unpacked
from metrics.files.paths import STANDARD_INPUT, named, unreadable
from metrics.views.settings import ViewsSettings
from metrics.views.taking.lines import batches
from metrics.views.taking.outbox import Outbox
from metrics.views.taking.upload import SAFE, Taken, Upload
from metrics.wording.errors import BrokerError, FileError, MetricsError, SettingsError
from metrics.wording.text import in_line

EVENTS = "/views/events"
CONNECT_S = 10.0
LOOK_S = 0.05
INTERRUPTED_S = 2.0
_PIECE_BYTES = 1 << 18
_ENCODINGS = {".gz": "gzip", ".zst": "zstd"}

Move = Callable[[int], None]


class SentFile(NamedTuple):
    """Outcome of sending a file.

    Attributes:
        taken: what became of its lines.
        error: why not all of them were sent, or acknowledged.
    """

    taken: Taken
    error: MetricsError | None = None


class FileSender(Protocol):
    """A way to send the events of a file."""

    def send(self, path: Path, move: Move) -> SentFile:
        """Send a file, or standard input.

        Args:
            move: called now and then with the number of bytes that were read.

        Raises:
            BrokerError: the receiver is away, and it is unknown what became of the lines.
            SettingsError: the receiver refuses them.
        """
        ...

    @property
    def so_far(self) -> str:
        """What was taken of the file that is being sent, for its sender."""
        ...

    @property
    def dead_letters(self) -> str:
        """Where the rejected lines are."""
        ...


class TopicSender:
    """Sending into the topic of a broker, as the API does."""

    def __init__(self, settings: ViewsSettings) -> None:
        self._settings = settings
        self._outbox = Outbox(settings)
        self._upload = Upload(self._outbox, settings)

    @property
    def so_far(self) -> str:
        """What was taken of the file that is being sent, after a moment for the last answers."""
        self._outbox.settle(INTERRUPTED_S)
        return f"{self._upload.accepted:,} accepted, {self._upload.rejected:,} rejected"

    @property
    def dead_letters(self) -> str:
        """The dead letter topic, and its broker."""
        return f"{self._settings.views_rejected_topic} on {self._settings.bootstrap_servers}"

    def send(self, path: Path, move: Move) -> SentFile:
        """Send a file, as `FileSender`."""
        self._upload = Upload(self._outbox, self._settings)
        error: MetricsError | None = None
        try:
            self._take(Lines([path], self._settings.views_line_limit), path, move)
        except FileError as wrong:
            error = wrong
        while not self._upload.is_settled:  # records expire after BROKER_TIMEOUT_S
            self._outbox.poll(LOOK_S)
        if self._upload.failure:
            error = BrokerError(self._upload.failure, hint=SAFE)
        return SentFile(self._upload.outcome(), error)

    def _take(self, lines: Lines, path: Path, move: Move) -> None:
        for some in lines.batches(path):
            for batch in batches(some):
                while not self._outbox.has_room and not self._upload.failure:
                    self._outbox.poll(LOOK_S)
                if self._upload.failure:
                    return
                self._upload.take(batch)
                self._outbox.poll(0)
            move(lines.read_bytes)


class ApiSender:
    """Sending to the API of another process.

    Args:
        address: of the server, `http://host:port`.
    """

    so_far = "what the API has taken so far stays"
    dead_letters = "the dead letter topic of that server"

    def __init__(self, settings: ViewsSettings, address: str) -> None:
        self._url = _url(address)
        self._name = f"the API at {in_line(str(self._url))}"
        self._token = settings.api_token
        # The server reads nothing while its broker is away, for BROKER_TIMEOUT_S; it may be longer than ours.
        answer_s = 60.0 + 2 * settings.broker_timeout_s
        self._timeout = httpx.Timeout(answer_s, connect=CONNECT_S)

    def send(self, path: Path, move: Move) -> SentFile:
        """Send a file, as `FileSender`: compressed by gzip or zstd, or plain."""
        headers = {"Content-Type": "application/x-ndjson"}
        if encoding := _ENCODINGS.get(path.suffix.lower()):
            headers["Content-Encoding"] = encoding
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            answer = httpx.post(self._url, content=_pieces(path, move), headers=headers, timeout=self._timeout)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            hint = "start it: python app.py views; or check --to"
            raise BrokerError(f"{self._name} cannot be reached", why=str(error), hint=hint) from error
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise BrokerError(f"{self._name} gave no answer", why=why, hint=SAFE) from error
        return self._sent(path, answer)

    def _sent(self, path: Path, answer: httpx.Response) -> SentFile:
        try:
            taken = msgspec.json.decode(answer.content, type=Taken)
        except msgspec.MsgspecError:
            raise self._refusal(answer) from None
        if not taken.error:
            return SentFile(taken)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            hint = "recreate it, or rename it: .gz, .xz and .zst are decompressed, all else is text"
            return SentFile(taken, FileError(f"{named(path)} was not read to its end", why=taken.error, hint=hint))
        return SentFile(taken, BrokerError(f"{self._name} did not take everything", why=taken.error, hint=SAFE))

    def _refusal(self, answer: httpx.Response) -> MetricsError:
        """Return the error for an answer that says nothing about lines."""
        what = f"{self._name} takes no events"
        phrase = f"it answers {answer.status_code} {in_line(answer.reason_phrase)}".rstrip()
        try:
            why = f"{phrase}: {in_line(msgspec.json.decode(answer.content, type=_Problem).detail)}"
        except msgspec.MsgspecError:
            why = phrase
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return BrokerError(what, why=why, hint=SAFE)
        return SettingsError(what, why=why, hint=_HOW_TO_SEND.get(answer.status_code, "check --to"))


class _Problem(msgspec.Struct):
    """A part of problem details."""

    detail: str


_HOW_TO_SEND = {401: "set API_TOKEN to the token of the server", 403: "set API_TOKEN to the token of the server"}


def _url(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise SettingsError("--to is not an address", hint="give one like http://127.0.0.1:6066")
    if url.userinfo:
        raise SettingsError("--to must be without a login", hint="set API_TOKEN to the token of the server")
    return url.copy_with(path=url.path.rstrip("/").removesuffix(EVENTS) + EVENTS, query=None, fragment=None)


def _pieces(path: Path, move: Move) -> Iterator[bytes]:
    """Yield the bytes of a file that an API takes as they are; those of an .xz are decompressed.

    Raises:
        FileError: it cannot be read to its end.
    """
    is_input = path == STANDARD_INPUT
    read_bytes = 0
    try:
        with open(0 if is_input else path, "rb", closefd=not is_input) as packed:
            file = packed if path.suffix.lower() != ".xz" else unpacked(path, packed)
            while piece := file.read1(_PIECE_BYTES) if file is packed else file.read(_PIECE_BYTES):
                read_bytes += len(piece)
                move(read_bytes if is_input else packed.tell())
                yield piece
    except BROKEN as error:
        raise unreadable(path, error) from error
