"""Pages of docs/ of which parts are written anew by a command, and the rest by hand.

A part stands between `<!-- measured: NAME -->` and `<!-- /measured: NAME -->`. What is outside stays as it is.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmark import machine
from benchmark.sides import OURS
from metrics.errors import FileError


def written(page: str, parts: Mapping[str, str]) -> str:
    """Return a page with these parts in the place of the ones before; a part that it lacks comes at its end."""
    for name, text in parts.items():
        begin, end = f"<!-- measured: {name} -->", f"<!-- /measured: {name} -->"
        before, found, rest = page.partition(begin)
        _, closed, behind = rest.partition(end)
        part = f"{begin}\n{text.strip()}\n{end}"
        if found and closed:
            page = before + part + behind
        else:
            page = f"{page.rstrip()}\n\n{part}\n".lstrip()
    return page


def write(path: Path, beginning: str, parts: Mapping[str, str]) -> None:
    """Write parts into a page.

    Args:
        beginning: what the page starts with where it does not exist yet.

    Raises:
        FileError: it cannot be written.
    """
    with writing(path.parent):
        page = path.read_text(encoding="utf-8") if path.exists() else beginning
        path.write_text(written(page, parts), encoding="utf-8")


def write_numbers(path: Path, numbers: msgspec.Struct) -> None:
    """Write the numbers behind a page, as JSON.

    Raises:
        FileError: they cannot be written.
    """
    with writing(path.parent):
        path.write_bytes(msgspec.json.format(msgspec.json.encode(numbers)) + b"\n")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make a folder that is written to.

    Raises:
        FileError: something in it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise FileError(f"{folder} cannot be written", why=str(error), hint="name another folder by --docs") from error


def circumstances(command: str, broker: str) -> str:
    """Return by what, when and on what the application was measured, as one paragraph."""
    ran_on = "; ".join([machine.description(), broker, *machine.versions([OURS], {})])
    return f"Measured by `{command}` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {ran_on}."


def table(heading: tuple[str, ...], rows: list[tuple[str, ...]], texts: tuple[str, ...] = ()) -> str:
    """Return a table in Markdown; columns of numbers to the right, those of texts to the left."""
    rule = tuple("---" if column in texts else "---:" for column in heading)
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, rule, *rows))
