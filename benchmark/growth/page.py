"""docs/GROWTH.md, the pictures in docs/growth, and the numbers as JSON beside them."""

from pathlib import Path

import msgspec

from benchmark import sections
from benchmark.growth import curve as curves
from benchmark.growth import picture
from benchmark.growth.curve import Curve
from metrics.errors import FileError

PAGE, FOLDER = "GROWTH.md", "growth"

_BEGINNING = """\
# Growth

What a frame costs as the work grows, one dimension at a time. The application runs as its user runs it,
`python app.py --until-end`, a new process for each round, on frames that are in the topic before it starts.

- **µs a frame** is all its time from the moment it begins to wait for its first frame to its last one, by the number of
  frames: *its* line `stopped after …`. The start of the process is not in it, the wait for the first fetch is.
- **Whole process** is the time from start to end, the closing of all windows at the end included.
- **Results** are held against a plain recount after each round, as in the benchmark.

What stands between the marks is written anew by the command, the sentences around them are not. The numbers of every
round are in `growth/*.json`.
"""


def write(folder: Path, curve: Curve, circumstances: str) -> None:
    """Write one curve: its picture, its numbers, its part of the page.

    Raises:
        FileError: something cannot be written.
    """
    beside = folder / FOLDER
    try:
        beside.mkdir(parents=True, exist_ok=True)
        picture.draw(beside / f"{curve.dimension}.png", curve)
        (beside / f"{curve.dimension}.json").write_bytes(msgspec.json.format(msgspec.json.encode(curve)) + b"\n")
    except OSError as error:
        raise FileError(f"{beside} cannot be written", why=str(error), now="name another folder by --docs") from error
    sections.write(folder / PAGE, _BEGINNING, {curve.dimension: part(curve, circumstances)})


def part(curve: Curve, circumstances: str) -> str:
    """Return a curve's part of the page."""
    image = f"![What a frame costs, by {curve.axis}]({FOLDER}/{curve.dimension}.png)"
    shown = [f"## {curve.dimension.capitalize()}", image, curves.as_markdown(curve)]
    return "\n\n".join([*shown, f"Held: {curve.held}.", circumstances])
