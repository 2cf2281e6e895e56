"""Whether a decoder is right: by a plain reading of the frames, and by lists of what is a frame and what is not."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmark.decoders.decoder import Decoder, Fields, Format
from benchmark.decoders.findings import Verdict
from benchmark.decoders.formats import JSON

UTF_8, CUT_OFF, MORE = "invalid UTF-8", "frames cut off", "more after the end"

PLAIN = b'{"ts":1468244384,"uid":"ac787f05118de999b21"}'
PLAIN_FIELDS = (1468244384, "ac787f05118de999b21")


class Kind(NamedTuple):
    """Frames that belong together."""

    words: str
    values: Sequence[bytes]


def _with(*members: bytes) -> list[bytes]:
    return [b"%b,%b}" % (PLAIN[:-1], member) for member in members]


# Not JSON by RFC 8259. Half of a surrogate pair is, by its grammar, and readers differ about it: it is in neither list.
INVALID = (
    Kind(
        UTF_8,
        _with(
            b'"x":"\xff"',  # no byte of it
            b'"x":"\xe2\x82"',  # cut off
            b'"x":"\xc0\xaf"',  # longer than it has to be
            b'"x":"\xf4\x90\x80\x80"',  # beyond the last character
            b'"\xff":1',
        ),
    ),
    Kind("NaN", _with(b'"x":NaN', b'"x":nan', b'"x":Infinity', b'"x":-Infinity', b'"x":inf', b'"x":iNf')),
    Kind("surrogates in UTF-8", _with(b'"x":"\xed\xa0\x80"', b'"\xed\xb0\x80":1')),
    Kind("trailing commas", [*_with(b'"x":[1,]', b'"x":{"y":1,}'), PLAIN[:-1] + b",}"]),
    Kind("missing commas", _with(b'"x":[1 2]', b'"x" 1', b'"x":1 "y":2')),
    Kind(CUT_OFF, [PLAIN[:-1], PLAIN[:-2], *(frame[:-1] for frame in _with(b'"x":[1', b'"x":"y', b'"x":'))]),
    Kind(MORE, [PLAIN + b"x", PLAIN + b"}", PLAIN + b",", PLAIN + PLAIN, PLAIN + b"\0"]),
    Kind("control characters", _with(b'"x":"\x01"', b'"x":"\t"', b'"x":"\0"', b'"\x1f":1')),
    Kind("unknown escapes", _with(rb'"x":"\x41"', rb'"x":"\u12g4"', rb'"x":"\'"')),
    Kind("unknown numbers", _with(b'"x":01', b'"x":+1', b'"x":1.', b'"x":.5', b'"x":-', b'"x":1e', b'"x":0x1')),
    Kind("unknown words", _with(b'"x":True', b'"x":nul', b'"x":None')),
    Kind("other quotes", _with(b"'x':1", b"x:1", b"\"x\":'y'")),
    Kind("comments", _with(b'"x":/**/1', b'/**/"x":1')),
)

VALID = (
    Kind("integers beyond 64 bits", _with(b'"x":18446744073709551616', b'"x":-9223372036854775809')),
    Kind("numbers beyond a double", _with(b'"x":1e400', b'"x":-1e400')),
    Kind("escaped names", [PLAIN.replace(b"ts", rb"\u0074s"), PLAIN.replace(b"uid", rb"\u0075id")]),
    Kind("equal names", _with(b'"x":1,"x":{}')),
    Kind("escapes", _with(rb'"x":"\"\\\/\b\f\n\r\t\u0000\ud83d\ude00"')),
    Kind("white space", [b'\t{ "ts" :\r\n1468244384 , "uid" : "ac787f05118de999b21" } ']),
)


def plain(frame: bytes) -> Fields:
    """Return ts and uid of a frame as the standard library reads them; of two with the same name, the first."""
    root = json.loads(frame.decode(), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    return int(root["ts"]), root["uid"]


def judged(decoder: Decoder, values: Sequence[bytes], expected: Sequence[Fields]) -> Verdict:
    """Judge a decoder.

    Args:
        values: frames in the decoder's format.
        expected: ts and uid of each.
    """
    wrong = refused = first = 0
    for given in decoder.inputs(values):
        size = len(given) if decoder.batch else 1
        answer = _answer(decoder, given)
        if answer is None:
            refused += size
        elif decoder.fields is not None:
            wrong += _differing(answer, expected[first : first + size])
        first += size
    invalid, valid = (INVALID, VALID) if decoder.format == JSON else (_damaged(decoder.format), ())
    takes = [[_answer(decoder, _given(decoder, value)) is not None for value in kind.values] for kind in invalid]
    return Verdict(
        None if decoder.fields is None else wrong,
        refused,
        takes=[kind.words for kind, taken in zip(invalid, takes, strict=True) if any(taken)],
        fails_on=[kind.words for kind in valid if not all(_reads(decoder, value) for value in kind.values)],
        spoils_batches=decoder.batch is not None and not all(map(all, takes)),
    )


def _damaged(form: Format) -> tuple[Kind, ...]:
    """Return what is no frame in another format than JSON; who does not look at what it skips takes it."""
    whole = form.encode(_with(b'"x":"skipped"')[0])
    broken = whole.replace(b"skipped", b"\xffkipped")
    return Kind(UTF_8, [broken]), Kind(CUT_OFF, [whole[:-1]]), Kind(MORE, [whole + b"x"])


def _given(decoder: Decoder, value: bytes) -> Any:
    """Return what the decoder is called with for a frame: that, or a batch with it in the middle."""
    return [PLAIN, value, PLAIN] if decoder.batch else value


def _reads(decoder: Decoder, value: bytes) -> bool:
    given = _given(decoder, value)
    answer = _answer(decoder, given)
    if answer is None or decoder.fields is None:
        return answer is not None
    return _differing(answer, [PLAIN_FIELDS] * (len(given) if decoder.batch else 1)) == 0


def _answer(decoder: Decoder, given: Any) -> Sequence[Fields] | None:
    """Return the fields that a decoder reads, none where it reads none; None where it refuses."""
    try:
        # What was read goes at once: a parser of pysimdjson reads nothing while a document of its own is alive.
        return decoder.fields(decoder.read(given)) if decoder.fields else _nothing(decoder.read(given))
    except Exception:  # whatever a decoder raises is its refusal
        return None


def _nothing(_: Any) -> list[Fields]:
    return []


def _differing(answer: Sequence[Fields], expected: Sequence[Fields]) -> int:
    """Return of how many frames the answer is wrong or missing."""
    if len(answer) != len(expected):
        return len(expected)
    return sum(one != other for one, other in zip(answer, expected, strict=True))
