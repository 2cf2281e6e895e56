"""The command `metrics`, `python -m metrics`, and `python app.py` in a clone: signals first, then imports.

At first it imports nothing, and the message about missing packages needs none of them.
"""

import sys


def main() -> None:
    """Run the command line."""
    try:
        _end_at_once_on_signals()
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        from metrics.application.command_line import run
    except ModuleNotFoundError as error:
        from metrics.files.project import IS_CLONE

        hint = (
            "python3 -m pip install pipenv && python3 -m pipenv sync --categories packages,local-servers "
            "&& python3 -m pipenv run python app.py"
            if IS_CLONE
            else f"in a clone of the project: {sys.executable} -m pip install '.[local-servers]'"
        )
        print(f"error: the package {error.name} is not installed for {sys.executable}\nhint: {hint}", file=sys.stderr)
        sys.exit(2)
    run()


def _end_at_once_on_signals() -> None:
    """Make a signal end the process until a command runs: there is nothing to stop yet, and imports would fail."""
    import os
    import signal

    def end_at_once(number: int, _: object) -> None:
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # ignored in the background of a script, and under nohup
            signal.signal(number, end_at_once)
    signal.signal(signal.SIGTERM, end_at_once)


if __name__ == "__main__":
    main()
