#!/usr/bin/env python3
"""The command line: frames in, frames per second and unique users per minute out."""

import sys

if __name__ == "__main__":
    # Until a command runs, there is nothing to stop or to tell: a signal ends the process, not an import in its middle.
    try:
        import os
        import signal

        def end_at_once(number: int, _: object) -> None:
            """End with the exit code of a signal."""
            os._exit(128 + number)

        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # ignored in the background of a script
            signal.signal(signal.SIGINT, end_at_once)
        signal.signal(signal.SIGTERM, end_at_once)
    except KeyboardInterrupt:
        sys.exit(130)

try:
    import typer

    from metrics.cli import COMMANDS as CLI
    from metrics.cli.registry import STYLE, Commands
    from metrics.cli.reporting import reporting
    from metrics.errors import MetricsError, OutputClosedError
    from metrics.frames.commands import COMMANDS as FRAMES
    from metrics.frames.commands.main_job import main_job
    from metrics.frames.settings import Settings
    from metrics.settings import help_text
    from metrics.terminal import console, streams
except ModuleNotFoundError as error:
    print(
        f"error: the package {error.name} is not installed for {sys.executable}\n"
        "now: python3 -m pip install pipenv && python3 -m pipenv sync --categories packages,local-servers "
        "&& python3 -m pipenv run python app.py",
        file=sys.stderr,
    )
    sys.exit(2)


class Application(Commands):
    """The commands of all systems, and those that know none."""

    modules = FRAMES | CLI
    settings = (Settings,)


app = typer.Typer(cls=Application, epilog=help_text(Application.settings), **STYLE)
app.callback(invoke_without_command=True)(reporting(main_job))


def main() -> None:
    """Run what the command line asks for."""
    streams.take_over()
    try:
        app()
    except OutputClosedError as error:
        sys.exit(error.exit_code)  # only help is printed outside of a command, and its reader has seen enough
    except MetricsError as error:
        console.fail(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
