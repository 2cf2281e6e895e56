"""One measurement of the decoders from end to end."""

import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmark import cache, frames, machine, process, sections
from benchmark.decoders import page
from benchmark.decoders.findings import OURS, Found
from benchmark.environments import interpreter
from metrics.errors import FileError, MetricsError
from metrics.files.line_reader import reading
from metrics.frames.core.frame import MAX_FRAME_BYTES, Rejection, read_frame
from metrics.terminal import console
from metrics.terminal.console import say

REQUIREMENTS = Path(__file__).with_name("decoders.requirements.txt")
SECTION = "decoders"

# To write a frame in every format and judge every decoder by it; and to decode it by all. Nothing is as slow as this.
START_TIMEOUT_S, PREPARING_S, ROUND_S = 60.0, 0.005, 0.001
POLL_S = 0.2


class Plan(NamedTuple):
    """What is to be measured.

    Attributes:
        frames: how many are decoded, or as many as the file holds.
        file: of frames; None: generated ones.
        docs: folder of the page whose tables are written anew; None for none.
        command: that asked for it, for the page.
    """

    frames: int
    rounds: int
    file: Path | None
    docs: Path | None
    command: str


class DecodersError(MetricsError):
    """The decoders could not be measured."""


def run(plan: Plan) -> bool:
    """Measure, print the tables, and write them where they are wanted.

    Returns:
        Whether ours read every frame, and kept the rules. What the others do is a finding.

    Raises:
        MetricsError: the packages or the frames are not to be had, or the process that measures failed.
    """
    source = plan.file or frames.prepared(cache.folder("frames"), frames.Recipe(plan.frames)).path
    with tempfile.TemporaryDirectory(prefix="benchmark-decoders-") as folder:
        chosen = Path(folder) / "frames.jsonl"
        number = write_plain(source, chosen, plan.frames)
        python = interpreter(cache.folder("environments"), REQUIREMENTS)
        found = _measured(python, chosen, number, plan.rounds)
    for sheet in (page.of_json(found), page.of_formats(found)):
        console.out.print(page.as_table(sheet))
        say("")
    if plan.docs is not None:
        section = SECTION if plan.file is None else f"{SECTION}, {plan.file.name}"
        ran_on = [machine.description(), *found.versions]
        page.write(plan.docs, section, found, sections.measured_by(plan.command, ran_on))
        say(f"wrote {console.shown(plan.docs / page.PAGE)}")
    return next(each.verdict.is_good for each in found.decoders if each.name == OURS)


def write_plain(source: Path, target: Path, most: int) -> int:
    """Write the first frames of a file into another one, which is not packed; returns how many there are.

    Raises:
        FileError: the file cannot be read, holds none, or one that is no frame.
    """
    number = 0
    with reading(source, MAX_FRAME_BYTES) as file, target.open("wb") as plain:
        for number, frame in enumerate(islice(file, most), 1):
            if isinstance(rejection := read_frame(frame), Rejection):
                raise FileError(
                    f"line {number} of {source} is no frame",
                    why=rejection.detail,
                    now="name a file of frames that are all valid: costs of different decoders are compared by them",
                )
            plain.write(frame + b"\n")
    if not number:
        raise FileError(f"{source} holds no frame", now="name a file with frames")
    return number


def _measured(python: Path, chosen: Path, number: int, rounds: int) -> Found:
    command = [str(python), "-m", "benchmark.decoders.worker", str(chosen), str(rounds)]
    variables = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    timeout_s = START_TIMEOUT_S + number * (PREPARING_S + rounds * ROUND_S)
    with (
        process.running(command, variables, chosen.parent, timeout_s) as running,
        console.bar(f"decoding {number:,} frames", 1 + rounds) as move,
    ):
        while not running.has_ended():
            running.wait(POLL_S)
            move(len(running.printed))
    finished = running.finished()
    if finished.failure is not None:
        raise DecodersError(f"the decoders were not measured: {finished.failure}", why=finished.last_errors)
    return msgspec.json.decode(finished.printed[-1].text, type=Found)
