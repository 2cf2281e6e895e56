"""Formats of dead letters: text for people, JSON lines for scripts, and their frames as they came."""

from base64 import b64encode
from collections.abc import Callable, Sequence

import msgspec
from rich.text import Text

from metrics.frames.rejected.letters import Letter
from metrics.kafka.record_metadata import stamp_ms
from metrics.terminal.console import out, say, say_lines, warn
from metrics.terminal.streams import binary_output
from metrics.time.moments import Moment, rfc3339
from metrics.wording.text import in_line, numbered

LettersPrinter = Callable[[Sequence[Letter]], None]  # prints dead letters, some at a time

_BYTES_OF_A_CHARACTER = 4


class LetterFields(msgspec.Struct):
    """A dead letter in JSON. Bytes are text if they are UTF-8, and Base64 (RFC 4648) otherwise: nothing is lost.

    Attributes:
        timestamp, datetime: the record's timestamp; null if it has none.
        reason, detail, topic, partition, offset, ts, event_time, cut_from_bytes, replay_of: its headers; null if it
            lacks one.
        key, key_base64, frame, frame_base64: the key and the bytes of the frame; null if it has none, and the one that
            does not apply.
    """

    timestamp: int | None
    datetime: str | None
    reason: str
    detail: str
    topic: str | None
    partition: int | None
    offset: int | None
    ts: int | None
    event_time: int | None
    cut_from_bytes: int | None
    replay_of: str | None
    key: str | None
    key_base64: str | None
    frame: str | None
    frame_base64: str | None


def print_text(letters: Sequence[Letter]) -> None:
    """Print each dead letter in a line, and the beginning of its frame, as wide as the terminal, in the next."""
    for letter in letters:
        timestamp_ms = stamp_ms(letter.message)
        when = "no timestamp" if timestamp_ms is None else rfc3339(timestamp_ms // 1000)
        again = f" (replay of {letter.replay_of})" if letter.replay_of else ""
        detail = letter.headers.get("detail", "")
        say(f"{when}  {letter.reason}  {letter.place or 'of another program'}: {in_line(detail)}{again}")
        out.print(_beginning(letter), soft_wrap=False, no_wrap=True, overflow="ellipsis", style="dim")


def print_json(letters: Sequence[Letter]) -> None:
    """Print each dead letter as a JSON object in a line."""
    say_lines(msgspec.json.encode(_fields(letter)).decode() for letter in letters)


class RawPrinter:
    """Printer of frames as they came, one in a line: of those that a line can represent, and that are complete.

    Attributes:
        left_out: the number of other frames: without a value, with a line break, or cut.
    """

    def __init__(self) -> None:
        self.left_out = 0

    def __call__(self, letters: Sequence[Letter]) -> None:
        """Print frames; a terminal gets their control characters escaped."""
        lines = [*filter(_is_line, letters)]
        self.left_out += len(letters) - len(lines)
        values = [letter.message.value() or b"" for letter in lines]
        if out.is_terminal:
            say_lines(value.decode(errors="replace") for value in values)
            return
        with binary_output() as output:
            output.writelines(value + b"\n" for value in values)

    def warn(self) -> None:
        """Warn of the frames that were left out."""
        if self.left_out:
            warn(
                f"{numbered(self.left_out, 'frame')} left out: without a value, with a line break, or only the "
                "beginning of a frame that was too large; --json prints them"
            )


def _is_line(letter: Letter) -> bool:
    value = letter.message.value() or b""
    return value != b"" and b"\n" not in value and letter.cut_from_bytes is None


def _beginning(letter: Letter) -> Text:
    value = letter.message.value()
    if value is None:
        return Text("  no value")
    return Text("  " + in_line(value[: out.width * _BYTES_OF_A_CHARACTER].decode(errors="replace")))


def _fields(letter: Letter) -> LetterFields:
    message, headers, place = letter.message, letter.headers, letter.place
    timestamp_ms = stamp_ms(message)
    moment = None if timestamp_ms is None else Moment.of(timestamp_ms // 1000)
    return LetterFields(
        timestamp=None if moment is None else moment.timestamp,
        datetime=None if moment is None else moment.datetime,
        reason=letter.reason,
        detail=headers.get("detail", ""),
        topic=place and place.topic,
        partition=place and place.partition,
        offset=place and place.offset,
        ts=letter.number("ts"),
        event_time=letter.number("event_time"),
        cut_from_bytes=letter.cut_from_bytes,
        replay_of=letter.replay_of,
        **_text("key", message.key()),
        **_text("frame", message.value()),
    )


def _text(name: str, value: bytes | None) -> dict[str, str | None]:
    """Return bytes as the two fields of a name: as text, or if they are not UTF-8, in Base64."""
    try:
        return {name: None if value is None else value.decode(), f"{name}_base64": None}
    except UnicodeDecodeError:
        return {name: None, f"{name}_base64": b64encode(value or b"").decode()}
