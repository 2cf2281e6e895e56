"""The command `metrics`, `python -m metrics`, and `python app.py` in a clone: signals first, then imports.

It imports nothing at first, and what is said without its packages needs none.
"""

import sys


def main() -> None:
    """Run what the command line asks for."""
    try:
        _end_at_once_on_signals()
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        from metrics.application import run
    except ModuleNotFoundError as error:
        from metrics.cli.project import IS_CLONE

        hint = (
            "python3 -m pip install pipenv && python3 -m pipenv sync --categories packages,local-servers "
            "&& python3 -m pipenv run python app.py"
            if IS_CLONE
            else f"{sys.executable} -m pip install 'frames-metrics[local-servers]'"
        )
        print(f"error: the package {error.name} is not installed for {sys.executable}\nhint: {hint}", file=sys.stderr)
        sys.exit(2)
    run()


def _end_at_once_on_signals() -> None:
    """Let a signal end the process until a command runs: nothing is to be stopped before, and an import would fail."""
    import os
    import signal

    def end_at_once(number: int, _: object) -> None:
        os._exit(128 + number)

    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # ignored in the background of a script
        signal.signal(signal.SIGINT, end_at_once)
    signal.signal(signal.SIGTERM, end_at_once)


if __name__ == "__main__":
    main()
