"""The application, telling when it takes over its transactional id: `python -m benchmark.live.taking_over …`.

This step, `init_transactions`, is the broker's: it fences the instance before, and ends what that one left open. All
else is app.py. It prints a line, a `TookOver` as JSON.
"""

import runpy
from time import monotonic
from typing import Any

import msgspec

from benchmark.process import PROJECT
from metrics.kafka.job.transaction import Transaction


class TookOver(msgspec.Struct, frozen=True):
    """When the step began and ended, by `time.monotonic`."""

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
