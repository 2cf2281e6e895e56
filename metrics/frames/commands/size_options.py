"""The options `--seconds`, `--minutes` …: one for each window size."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from metrics.frames.sizes import SIZES
from metrics.wording.errors import SettingsError


def with_size_options(help_text: str, example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each size, in place of its argument `sizes`: the chosen one, or all of them.

    Args:
        help_text: help of an option, a format of its `Size`.
        example: a command with one of the options.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            chosen = [size for size in SIZES if given.pop(size.plural)]
            if len(chosen) > 1:
                raise SettingsError(
                    f"{' and '.join(f'--{size.plural}' for size in chosen)} contradict each other",
                    why="only one size can be chosen; without a choice all are shown",
                    hint=f"use one of them, for example: {example}",
                )
            command(sizes=chosen or SIZES, **given)

        signature = inspect.signature(command)
        options = [
            inspect.Parameter(
                size.plural,
                inspect.Parameter.KEYWORD_ONLY,
                default=False,
                annotation=Annotated[bool, typer.Option(f"--{size.plural}", help=help_text.format(size))],
            )
            for size in SIZES
        ]
        parameters = [
            option
            for parameter in signature.parameters.values()
            for option in (options if parameter.name == "sizes" else [parameter])
        ]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
        return run

    return decorated
