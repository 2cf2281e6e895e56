"""The application, with a report on taking over its transactional id: `python -m benchmark.live.taking_over …`.

The step is `init_transactions`: the broker fences the previous instance, and ends the transaction that it left open.
After it, one line is printed, a `TookOver` as JSON. Everything else is app.py.
"""

import runpy
from time import monotonic
from typing import Any

import msgspec

from benchmark.process import PROJECT
from metrics.kafka.job.transaction import Transaction


class TookOver(msgspec.Struct, frozen=True):
    """Beginning and end of the step, by `time.monotonic`."""

    began_s: float
    ended_s: float


def main() -> None:
    """Run app.py, and time that step."""
    step_of_transaction = Transaction._call

    def timed(transaction: Transaction, step: Any, *arguments: Any) -> None:
        began_s = monotonic()
        step_of_transaction(transaction, step, *arguments)
        if step.__name__ == "init_transactions":
            print(msgspec.json.encode(TookOver(began_s, monotonic())).decode(), flush=True)

    Transaction._call = timed  # type: ignore[method-assign, assignment]
    runpy.run_path(str(PROJECT / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
