"""Measures the decoders, all in this process: it is run in the environment of `decoders.requirements.txt`.

Told by the command line: a file of frames, plain, and how many rounds. It prints a line when the decoders are judged,
one after each round, and what it found as a line of JSON.
"""

import gc
import platform
import random
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any

import msgspec
import simdjson

from benchmark.decoders import judge
from benchmark.decoders.decoder import Decoder
from benchmark.decoders.findings import Decoded, Described, Found
from benchmark.decoders.formats import JSON
from benchmark.decoders.readers import DECODERS

PACKAGES = ("pysimdjson", "msgspec", "orjson", "fastsimdjson", "yyjson", "pyarrow", "fastavro")


def measured(frames: Sequence[bytes], rounds: int) -> Found:
    """Judge and measure every decoder: in turn, round after round."""
    formats = list(dict.fromkeys(decoder.format for decoder in DECODERS))
    written = {form.name: [form.encode(frame) for frame in frames] for form in formats}
    expected = [judge.plain(frame) for frame in frames]
    verdicts = [judge.judged(decoder, written[decoder.format.name], expected) for decoder in DECODERS]
    _tell("judged")
    seconds: list[list[float]] = [[] for _ in DECODERS]
    timed = [number for number, verdict in enumerate(verdicts) if not verdict.refused]
    gc.disable()  # as timeit does: what is read goes by its count of references
    for number in range(1, rounds + 1):
        for which in random.Random(number).sample(timed, len(timed)):
            decoder = DECODERS[which]
            seconds[which].append(_timed(decoder, decoder.inputs(written[decoder.format.name])))
        _tell(f"round {number}")
    return Found(
        frames=len(frames),
        versions=versions(),
        formats=[Described(form.name, form.how) for form in formats if form != JSON],
        decoders=[
            Decoded(decoder.name, decoder.format.name, _average(written[decoder.format.name]), verdict, taken)
            for decoder, verdict, taken in zip(DECODERS, verdicts, seconds, strict=True)
        ],
    )


def _timed(decoder: Decoder, inputs: Sequence[Any]) -> float:
    """Return the processor time of reading all inputs, that of every thread of the process."""
    read = decoder.read
    began_s = process_time()
    for each in inputs:
        read(each)
    return process_time() - began_s


def _average(values: Sequence[bytes]) -> float:
    return sum(map(len, values)) / len(values)


def versions() -> list[str]:
    """Return the versions of what is measured, and which of its kernels simdjson has chosen for this processor."""
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    kernel, _ = simdjson.Parser().implementation
    return [f"Python {platform.python_version()}", packages, f"pysimdjson's kernel: {kernel}"]


def _tell(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Measure what the command line asks for."""
    path, rounds = sys.argv[1:]
    frames = Path(path).read_bytes().removesuffix(b"\n").split(b"\n")
    _tell(msgspec.json.encode(measured(frames, int(rounds))).decode())


if __name__ == "__main__":
    main()
