"""The commands by their names; a command's module is imported when it is asked for."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from metrics.commands.reporting import reporting

NAMES = (
    "prepare-topics",
    "feed",
    "results",
    "status",
    "serve",
    "topics",
    "reset-offsets",
    "verify",
    "count",
    "accuracy",
    "generate",
    "broker",
)
STYLE: dict[str, Any] = {"rich_markup_mode": "markdown", "pretty_exceptions_enable": False}


class Commands(TyperGroup):
    """All commands of the application."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.commands = _Imported()  # type: ignore[assignment]


class _Imported(Mapping[str, Any]):
    """Commands by name, in the order of the help; each is imported when it is looked up.

    To import all of them takes as long as the rest of a start. A module has a function of its command's name, or a
    `typer.Typer` where there are commands below it.
    """

    def __getitem__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        function = name.replace("-", "_")
        command = getattr(importlib.import_module(f"metrics.commands.{function}"), function)
        if not isinstance(command, typer.Typer):
            run, command = command, typer.Typer(add_completion=False, **STYLE)
            command.command(name)(reporting(run))
        return typer.main.get_command(command)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)
