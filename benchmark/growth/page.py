"""docs/GROWTH.md, the pictures in docs/growth, and the numbers as JSON beside them."""

from pathlib import Path

from benchmark import sections
from benchmark.growth import curve as curves
from benchmark.growth import picture
from benchmark.growth.curve import Curve

PAGE, FOLDER = "GROWTH.md", "growth"

_BEGINNING = """\
# Growth

What a frame costs as the work grows, one dimension at a time. The application runs as its user runs it,
`app.py --until-end`, a new process for each round, on frames that are in the topic before it starts.

- **µs a frame** is the time from when the first batch of frames came to when the last one was counted, by the number of
  frames. Neither the start of the process nor the wait for the first fetch is in it.
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
    with sections.writing(beside):
        picture.draw(beside / f"{curve.dimension}.png", curve)
    sections.write_numbers(beside / f"{curve.dimension}.json", curve)
    sections.write(folder / PAGE, _BEGINNING, {curve.dimension: part(curve, circumstances)})


def part(curve: Curve, circumstances: str) -> str:
    """Return a curve's part of the page."""
    image = f"![What a frame costs, by {curve.axis}]({FOLDER}/{curve.dimension}.png)"
    shown = [f"## {curve.dimension.capitalize()}", image, curves.as_markdown(curve)]
    return "\n\n".join([*shown, f"Held: {curve.held}.", circumstances])
