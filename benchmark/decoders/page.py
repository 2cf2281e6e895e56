"""The tables of decoders: for a terminal, and as a part of docs/PERFORMANCE.md."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmark import sections
from benchmark.decoders.findings import OURS, Decoded, Found, Verdict
from benchmark.decoders.formats import JSON
from benchmark.sections import table

PAGE = "PERFORMANCE.md"
TEXTS = ("decoder", "format", "ts and uid", "rules")
WIDTH = 140  # of a table, at most

_COSTS = ("µs a frame", "median", "slowest", "MB/s")


class Sheet(NamedTuple):
    """A table: the rows of the fastest decoders first."""

    heading: tuple[str, ...]
    rows: list[tuple[str, ...]]


def of_json(found: Found) -> Sheet:
    """Return the decoders of JSON."""
    heading = ("decoder", *_COSTS, "ts and uid", "rules")
    chosen = [each for each in found.decoders if each.format == JSON.name]
    rows = [
        (each.name, *_costs(each, found.frames), answers(each.verdict), rules(each.verdict)) for each in ranked(chosen)
    ]
    return Sheet(heading, rows)


def of_formats(found: Found) -> Sheet:
    """Return the other formats, with ours among them."""
    heading = ("format", "decoder", *_COSTS, "bytes a frame", "ts and uid", "rules")
    chosen = [each for each in found.decoders if each.format != JSON.name or each.name == OURS]
    rows = [
        (
            each.format,
            each.name,
            *_costs(each, found.frames),
            f"{each.frame_bytes:,.0f}",
            answers(each.verdict),
            rules(each.verdict),
        )
        for each in ranked(chosen)
    ]
    return Sheet(heading, rows)


def ranked(decoders: Sequence[Decoded]) -> list[Decoded]:
    """Return the decoders by their best rounds, the fastest first; those that were not measured last."""
    return sorted(decoders, key=lambda each: min(each.seconds, default=float("inf")))


def _costs(decoded: Decoded, frames: int) -> tuple[str, ...]:
    if not decoded.seconds:
        return ("-",) * len(_COSTS)
    costs_us = [seconds / frames * 1e6 for seconds in decoded.seconds]
    best_us = min(costs_us)
    times = (f"{cost_us:.2f}" for cost_us in (best_us, median(costs_us), max(costs_us)))
    return (*times, f"{decoded.frame_bytes / best_us:,.0f}")


def answers(verdict: Verdict) -> str:
    """Return whether ts and uid of every frame were right."""
    told = [f"refuses {verdict.refused:,}"] if verdict.refused else []
    if verdict.wrong:
        told.append(f"wrong in {verdict.wrong:,}")
    return ", ".join(told) or ("not read" if verdict.wrong is None else "right")


def rules(verdict: Verdict) -> str:
    """Return how a decoder keeps the rules of its format."""
    told = [f"takes {', '.join(verdict.takes)}"] if verdict.takes else []
    if verdict.fails_on:
        told.append(f"fails on {', '.join(verdict.fails_on)}")
    if verdict.spoils_batches:
        told.append("a bad frame spoils its batch")
    return "; ".join(told) or "kept"


def as_table(sheet: Sheet) -> Table:
    """Return a table for a terminal: as wide as it is, but for its last column."""
    shown = Table(*sheet.heading, box=None, pad_edge=False)
    for column, name in zip(shown.columns, sheet.heading, strict=True):
        column.justify = "left" if name in TEXTS else "right"
        column.no_wrap = name != sheet.heading[-1]
    for row in sheet.rows:
        shown.add_row(*row)
    shown.width = Console(width=WIDTH).measure(shown).maximum
    return shown


def as_markdown(found: Found) -> str:
    """Return both tables, and how a frame is written in each format."""
    size_bytes = next(each.frame_bytes for each in found.decoders if each.format == JSON.name)
    rounds = max(len(each.seconds) for each in found.decoders)
    sizes = f"{found.frames:,} frames of {size_bytes:,.0f} bytes on average"
    parts = [
        f"JSON, {sizes}, the best of {rounds} rounds:",
        table(*of_json(found), TEXTS),
        "The same frames in other formats:",
        table(*of_formats(found), TEXTS),
        "\n".join(f"- **{each.name}**: {each.how}." for each in found.formats),
    ]
    return "\n\n".join(parts)


def write(folder: Path, section: str, found: Found, circumstances: str) -> None:
    """Write the tables into the page.

    Raises:
        FileError: it cannot be written.
    """
    sections.write(folder / PAGE, "# Performance\n", {section: f"{as_markdown(found)}\n\n{circumstances}"})
