"""A progress bar, apart from the console, since the main job does not wait for the import of `rich.progress`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from metrics.terminal.console import out
from metrics.terminal.live_line import erased_by_errors
from metrics.wording.text import escaped


@contextmanager
def bar(
    what: str | Callable[[], str], total: int | Callable[[], int | None] | None, console: Console = out
) -> Iterator[Callable[[int], None]]:
    """Show a progress bar, on a terminal only; yields the function that sets how much is done.

    Args:
        what: the label, or a function that returns it each time that the bar moves.
        total: how much there is to do, or a function that returns it each time that the bar moves, and None until it
            is known; None if it never is, in which case there is only the label.
    """
    columns: tuple[ProgressColumn, ...] = (TextColumn("{task.description}", markup=False),)
    if total is not None:
        columns += (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        erased_by_errors(),
    ):
        task = progress.add_task("", total=None)

        def move(done: int) -> None:
            description = escaped(what() if callable(what) else what)
            progress.update(task, completed=done, total=total() if callable(total) else total, description=description)

        move(0)
        yield move
