"""The option `--env-file`, which every command has: settings from files of NAME=value lines."""

import os
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics.wording.errors import SettingsError

if TYPE_CHECKING:
    from dotenv.parser import Binding

OPTION = "--env-file"

_from_files: set[str] = set()


def read_env_files(paths: list[Path] | None) -> None:
    """Set the variables of files in the environment of this process, unless it had them before.

    Raises:
        SettingsError: a file cannot be read, or has lines that are not NAME=value.
    """
    for path in paths or ():
        for name, text in _variables(path):
            same = {name, _other_name(name)}
            if not (same & os.environ.keys()) - _from_files:
                for stale in same & os.environ.keys():
                    del os.environ[stale]
                os.environ[name] = text
                _from_files.add(name)


def _other_name(name: str) -> str:
    """Return the other variable that may give the same value: a secret, or the file that it is in."""
    return name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"


@cache
def env_file_option() -> Any:
    """Return the option, to be added to the parameters of a command."""
    declaring = typer.Typer(add_completion=False)

    @declaring.command()
    def declared(
        env_file: Annotated[
            list[Path] | None,
            typer.Option(
                OPTION,
                metavar="FILE",
                help="Read settings from the NAME=value lines of a file; variables that are set override it. "
                "May be repeated: later files override earlier ones.",
                is_eager=True,
                expose_value=False,
                callback=read_env_files,
            ),
        ] = None,
    ) -> None:
        """Declare the option."""

    [option] = typer.main.get_command(declaring).params
    return option


def _variables(path: Path) -> list[tuple[str, str]]:
    """Return the variables of a file, as `docker compose` reads one, but with each $ as it stands.

    Raises:
        SettingsError: it cannot be read, or has other lines; of these it shows nothing, since any may have a secret.
    """
    from dotenv.parser import parse_stream  # noqa: PLC0415  # commands without the option do without it

    try:
        bindings = list(parse_stream(StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not text in UTF-8"
        raise SettingsError(f"{OPTION} {path} cannot be read", why=why, hint="correct the path or the file") from None
    if wrong := [binding for binding in bindings if not _is_usable(binding)]:
        raise SettingsError(
            f"{OPTION} {path} cannot be used",
            why="\n".join(f"line {_line(binding)}: must be NAME=value, with each quote closed" for binding in wrong),
            hint="correct the file",
        )
    return [(binding.key, binding.value or "") for binding in bindings if binding.key]


def _is_usable(binding: "Binding") -> bool:
    """Return whether a part of a file is a variable, or a comment or empty lines."""
    is_without_value = binding.key is not None and binding.value is None
    return not (binding.error or is_without_value or "\0" in f"{binding.key}{binding.value}")


def _line(binding: "Binding") -> int:
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
