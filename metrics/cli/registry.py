"""The commands by name; a command's module is imported only when the command is used."""

import importlib
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, ClassVar, cast

import typer
from typer.core import TyperCommand, TyperGroup

from metrics.cli.env_file import env_file_option
from metrics.cli.log_settings import LogSettings
from metrics.cli.misnamed import misnamed
from metrics.cli.reporting import reporting
from metrics.wording.errors import SettingsError

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from metrics.cli.topic_owner import TopicOwner

HELP_COLUMNS = 80  # of help in boxes

STYLE: dict[str, Any] = {
    "rich_markup_mode": "markdown",
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["--help", "-h"]},
}


class _Parameters:
    """A mixin that gives each command `--env-file`, and shows types in help as people read them.

    These are none for a flag or an argument, and `…` for a repeated one.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters of a command; `--help` is the last."""
        *own, last = super().get_params(ctx)  # type: ignore[misc]  # of the command class
        params: list[Any] = [*own, env_file_option(), last]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""  # a value after it would be an error
            elif param.param_type_name == "argument":
                param.display_type_rich = lambda nargs=param.nargs, **_: None if nargs == 1 else "…"
        return params


def begin(context: Any) -> None:
    """Set up the logging of a service, and warn about variables that look like misspelt settings."""
    application = context.find_root().command
    if context.parent is None or _full_name(context) in application.services:
        with suppress(SettingsError):  # the service's own settings include these, and report all that is wrong
            LogSettings.load().begin_to_log()
    for variable, setting in misnamed(application.settings):
        case = " Names are upper case" if variable.upper() == setting else ""
        log.warning("%s is set, but is not a setting: did you mean %s?%s", variable, setting, case)


def _full_name(context: Any) -> str:
    """Return the name of a command after those of its groups: `views count`."""
    within = context.parent
    return context.info_name if within.parent is None else f"{_full_name(within)} {context.info_name}"


class Command(_Parameters, TyperCommand):
    """A command."""

    def invoke(self, ctx: Any) -> Any:
        """Run it, after the preparations common to all commands."""
        begin(ctx)
        return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write its help; without boxes on a narrow terminal, since their columns would cut the names of options."""
        if get_terminal_size().columns < HELP_COLUMNS:
            self.rich_markup_mode = None
        super().format_help(ctx, formatter)


class CommandGroup(_Parameters, TyperGroup):
    """A command with subcommands."""


class ListByDefault(CommandGroup):
    """Commands with `list` as the default: any other first argument is an argument or an option of `list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the default."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


class LazyGroup(CommandGroup):
    """A command whose subcommands are imported only when they are used.

    Attributes:
        modules: the module of each command, in the order of the help.
    """

    modules: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.commands = dict(self.modules)  # type: ignore[arg-type]  # only the names are used; see get_command

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import a command: importing all of them would double the time of a start.

        A module has a function with the name of its command, or a `typer.Typer` if it has subcommands.
        """
        if cmd_name not in self.modules:
            return None
        command = getattr(importlib.import_module(self.modules[cmd_name]), cmd_name.replace("-", "_"))
        if not isinstance(command, typer.Typer):
            run, command = command, typer.Typer(add_completion=False, **STYLE)
            command.command(cmd_name, cls=Command)(reporting(run))
        return typer.main.get_command(command)


class Commands(LazyGroup):
    """All commands of the application.

    Attributes:
        services: full names of the commands that run until they are stopped, and therefore log; so does the command
            without a name.
        settings: of every system, which its services load, and for warnings about misspelt ones.
        owners: modules, each the `TopicOwner` of its system.
    """

    services: ClassVar[Collection[str]] = ()
    settings: ClassVar[Collection[type[LogSettings]]] = ()
    owners: ClassVar[Collection[str]] = ()

    def topic_owners(self) -> "list[TopicOwner]":
        """Import and return the owners of topics."""
        return [cast("TopicOwner", importlib.import_module(name)) for name in self.owners]
