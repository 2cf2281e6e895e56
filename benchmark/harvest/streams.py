"""The streams that all sides parse: one as streams usually are, and one for each trap of the protocol."""

import re
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from metrics.harvest.simulator.faults import Faults
from metrics.harvest.simulator.series import Series
from metrics.harvest.simulator.wire import Wire

PLAIN, HOSTILE = "plain", "hostile"
CUTS = ".cuts"

_SEED = 1
_SENT_S = 1.7e9
_LONG = b"A parrot, a debt and the sisters who inherit them. " * 6
_SEPARATORS = "next\u2028line\u2029or\u0085so ".encode()
_UNFINISHED = b"event:stream-started\ndata:{}\n"
_LARGE = rb"(?s).{65536}"  # the longest that httpx hands over at once
_INSIDE_CRLF = rb"\r(?=\n)"
_INSIDE_CHARACTER = rb"[\xc2-\xf4](?=[\x80-\xbf])"

Frame = tuple[str, str]


class Form(NamedTuple):
    """Form of a stream.

    Attributes:
        what: its description, in a few words.
        faults: of its frames; of several, they take turns, the last one first.
        text: in the data of each frame.
        cut: matches bytes after which a chunk ends.
        end: bytes after the last frame.
    """

    name: str
    what: str
    faults: tuple[Faults, ...] = (Faults(),)
    text: bytes = _LONG
    cut: bytes = _LARGE
    end: bytes = b""


FORMS = (
    Form(PLAIN, "LF, in chunks of 64 KiB"),
    Form("crlf", "CRLF, each cut between CR and LF", (Faults(line_end="\r\n"),), cut=_INSIDE_CRLF),
    Form("cr", "lone CR", (Faults(line_end="\r"),)),
    Form("cut", "chunks that end inside a character", cut=_INSIDE_CHARACTER),
    Form("ids", "half of the frames without an id", (Faults(), Faults(ids="none"))),
    Form("comments", "comments inside frames and between them", (Faults(comments=True),)),
    Form("bom", "a byte order mark before an event's name", (Faults(ids="none"),)),
    Form("separators", "U+2028, U+2029 and U+0085 in texts", text=_SEPARATORS),
    Form("end", "the connection ends inside a frame", end=_UNFINISHED),
    Form(
        HOSTILE,
        "all of these, and each line ended in any way",
        (Faults(line_end="mixed", comments=True), Faults(line_end="mixed", ids="none")),
        _LONG + _SEPARATORS,
        rb"\r|" + _INSIDE_CHARACTER,
        _UNFINISHED,
    ),
)
_WITH_BOM = {"bom", HOSTILE}


def write_streams(folder: Path, frames: int, trap_frames: int) -> dict[str, list[Frame]]:
    """Write the streams into a folder; return the frames of each by its name: event and data.

    Args:
        frames: number in the plain and in the hostile stream, which are timed.
        trap_frames: number in each other.
    """
    return {form.name: _write(folder, form, frames if form.name in (PLAIN, HOSTILE) else trap_frames) for form in FORMS}


def _write(folder: Path, form: Form, frames: int) -> list[Frame]:
    random, series = Random(_SEED), Series("sytflix", _SEED, malformed=0)
    wires = [Wire(faults, random) for faults in form.faults]
    stream = bytearray(Wire(Faults(bom=form.name in _WITH_BOM), random).opening())
    expected: list[Frame] = []
    for _ in range(frames):
        drawn = series.next(_SENT_S)
        message = drawn._replace(data=drawn.data.replace(b'"description":"', b'"description":"' + form.text))
        stream += wires[~len(expected) % len(wires)].frame(message)
        expected.append(((message.event or b"").decode(), message.data.decode()))
    stream += form.end
    path = folder / f"{form.name}.sse"
    path.write_bytes(stream)
    path.with_suffix(CUTS).write_bytes(msgspec.json.encode([match.end() for match in re.finditer(form.cut, stream)]))
    return expected
