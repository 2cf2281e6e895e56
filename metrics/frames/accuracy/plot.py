"""Picture of the trade-off between latency and accuracy."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from metrics.frames.accuracy.lateness import Delay, Tradeoff
from metrics.frames.sizes import SIZES
from metrics.wording.errors import FileError, SettingsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".svg", ".png", ".pdf")
MISSED = "#c44e52"
COLORS = ("#4c72b0", "#55a868", "#8172b3", "#ccb974", "#64b5cd")  # of the sizes, in turn


def check(path: Path) -> None:
    """Check that a picture can be written to a file of this name.

    Raises:
        SettingsError: its suffix is not a picture's, or matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"invalid --picture {path}", hint=f"use a name that ends in {', '.join(SUFFIXES)}")
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise SettingsError(
            "a picture needs matplotlib, which is not installed",
            why=str(error),
            hint="pipenv sync --categories reports installs it, as does pip install matplotlib; "
            "the table works without it",
        ) from error
    mpl.use("svg")
    # Text stays text, and equal figures give equal files.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "frames", "font.size": 10})


def draw(path: Path, tradeoffs: Sequence[Tradeoff], title: str) -> None:
    """Draw the frames that each allowed lateness misses, and the delay it causes.

    Raises:
        FileError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    missed, delays = figure.subplots(2, 1, sharex=True)
    places = range(len(tradeoffs))
    shares = [100 * tradeoff.late for tradeoff in tradeoffs]
    bars = missed.bar(places, shares, color=MISSED, width=0.6)
    missed.bar_label(bars, [f"{share:.3g} %" if share else "none" for share in shares], padding=2, fontsize=9)
    missed.set(ylabel="frames missed (%)", title=title)
    missed.margins(y=0.18)
    for at, (size, color) in enumerate(zip(SIZES, cycle(COLORS), strict=False)):
        aside = 0.16 * at - 0.08 * (len(SIZES) - 1)
        _draw_delays(delays, [tradeoff.delays[size] for tradeoff in tradeoffs], aside, color, size.plural)
    latenesses = [tradeoff.lateness_s for tradeoff in tradeoffs]
    shown = [f"{lateness_s:,}" for lateness_s in latenesses]
    delays.set_yscale("symlog", linthresh=2)
    delays.set_yticks(latenesses, shown, minor=False)
    delays.set_yticks([], minor=True)
    delays.set_xticks(places, shown)
    delays.set(ylabel="delay until output (s)", xlabel="allowed lateness (s)")
    delays.legend(frameon=False, fontsize=9, title="median, and up to the largest", title_fontsize=9, loc="upper left")
    for axes in (missed, delays):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
    try:
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
    except OSError as error:
        raise FileError(
            f"{path} cannot be written", why=error.strerror or str(error), hint="choose another path"
        ) from error


def _draw_delays(axes: "Axes", delays: Sequence[Delay | None], aside: float, color: str, name: str) -> None:
    """Draw each median with a line up to the maximum; a lateness that closed no window has neither."""
    known = [(place + aside, delay) for place, delay in enumerate(delays) if delay is not None]
    medians = [delay.median_s for _, delay in known]
    above = [delay.largest_s - delay.median_s for _, delay in known]
    axes.errorbar(
        [place for place, _ in known], medians, [[0] * len(known), above], fmt="o", color=color, capsize=4, label=name
    )
