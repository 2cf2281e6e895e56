"""Streams of the harvest's benchmark as its sides parse them: files of a folder, whose path is the argument.

NAME.sse has the bytes of a stream, NAME.cuts the offsets at which its chunks end, as JSON. For each, a side prints a
line of JSON (`Parsed` in benchmark/harvest/parsing.py), and writes the frames it found into NAME.found.
"""

import json
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

T = TypeVar("T")

Parse = Callable[[list[bytes], Callable[[T], object]], object]


def run(
    parse: Parse[T],
    shown: Callable[[T], tuple[str, str]],
    read: Callable[[T], object],
    unreadable: type[Exception] = ValueError,
) -> None:
    """Parse all streams: once without reading frames, once with it, both timed, and once for the frames.

    Args:
        parse: calls a function with each frame of chunks.
        shown: returns event and data of a frame.
        read: decodes a frame, or raises `unreadable`.
    """
    for path in sorted(Path(sys.argv[1]).glob("*.sse")):
        chunks, readable = _chunks(path), 0

        def take(frame: T) -> None:
            nonlocal readable
            try:
                read(frame)
            except unreadable:
                return
            readable += 1

        parse_s, failure = _timed(parse, chunks, lambda _: None)
        read_s, _ = _timed(parse, chunks, take)
        found: list[T] = []
        _timed(parse, chunks, found.append)
        with path.with_suffix(".found").open("w", encoding="ascii") as file:
            file.writelines(f"{json.dumps(shown(frame))}\n" for frame in found)
        line = {"stream": path.stem, "parse_s": parse_s, "read_s": read_s, "readable": readable, "failure": failure}
        print(json.dumps(line), flush=True)


def _chunks(path: Path) -> list[bytes]:
    stream = path.read_bytes()
    cuts: Iterator[int] = iter(json.loads(path.with_suffix(".cuts").read_bytes()))
    return [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)]) if end > start]


def _timed(parse: Parse[Any], chunks: list[bytes], take: Callable[[Any], object]) -> tuple[float, str | None]:
    """Return the seconds of processor time, and how the parser failed; None if it did not."""
    began_s = process_time()
    try:
        parse(chunks, take)
    except Exception as error:  # a parser may fail in any way
        return process_time() - began_s, f"{type(error).__name__}: {error}"
    return process_time() - began_s, None
