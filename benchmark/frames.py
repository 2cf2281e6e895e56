"""The frames that every side counts: generated once by the project's own generator, and kept with their counts."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmark.truth import Recount, Truth
from metrics.files.line_writer import writing
from metrics.frames.producer import generator
from metrics.terminal.console import say
from metrics.terminal.progress import bar

PROGRESS_FRAMES = 1000


class Recipe(msgspec.Struct, frozen=True):
    """Arguments of the generator; see `generator.frames`.

    No frame is delayed by the allowed lateness of 5 s, so that every side can be right: Bytewax's clock adds the wall
    time between two frames to its watermark, which would make a frame 5 s late too late. Event time starts four seconds
    before a minute, so that a small run closes one, too.
    """

    count: int
    rate: float = 1_000.0
    users: int = 100_000
    delay_s: int = 4
    delay_probability: float = 0.02
    start_ts: int = generator.START_TS + 12
    seed: int = 0

    def frames(self) -> Iterator[bytes]:
        """Return the frames."""
        return generator.frames(**msgspec.structs.asdict(self))

    def key(self) -> str:
        """Return a hash of this recipe and of the generator's source."""
        source = Path(generator.__file__).read_bytes()
        return hashlib.sha256(msgspec.json.encode(self) + source).hexdigest()[:12]


class Made(NamedTuple):
    """Frames on disk, and the results of a plain count of them."""

    path: Path
    truth: Truth


def prepared(folder: Path, recipe: Recipe) -> Made:
    """Return the frames of a recipe; they are generated unless the folder contains them.

    Raises:
        FileError: they cannot be written.
    """
    path = folder / f"frames-{recipe.count}-{recipe.key()}.jsonl.zst"
    noted = path.with_suffix(".truth.json")
    if path.exists() and noted.exists():
        return Made(path, msgspec.json.decode(noted.read_bytes(), type=Truth))
    recount = Recount()
    with writing(path) as write, bar(f"generating {recipe.count:,} frames", recipe.count) as move:
        for number, frame in enumerate(recipe.frames(), 1):
            write(frame)
            recount.add(frame)
            if number % PROGRESS_FRAMES == 0:
                move(number)
    truth = recount.truth()
    noted.write_bytes(msgspec.json.encode(truth))
    say(f"generated {truth.frames:,} frames, {truth.size_bytes / truth.frames:,.0f} bytes each")
    return Made(path, truth)
