"""The application as a side: `python -m benchmark.ours …` is app.py with two reports, each a line of JSON.

`TookOver` is printed after `init_transactions`: the broker has fenced the previous instance, and ended the transaction
that it left open. `contract.report` is printed at the end: when the first batch of frames came, and when the last one
was counted.
"""

import runpy
from time import monotonic
from typing import Any

import msgspec

from benchmark import contract
from benchmark.process import PROJECT
from metrics.frames.commands import counting
from metrics.frames.job import processor
from metrics.frames.job.report import Report
from metrics.kafka.job.transaction import Transaction


class TookOver(msgspec.Struct, frozen=True):
    """Beginning and end of `init_transactions`, by `time.monotonic`."""

    began_s: float
    ended_s: float


class TimedReport(Report):
    """Report of the main job that ends with the line of `contract.report`."""

    _counted = 0
    _first_at_s = _last_at_s = 0.0

    def read(self, frames: int, took_s: float) -> None:
        """Note when the frames of a batch came, and when they were counted."""
        if frames:
            self._last_at_s = monotonic()
            if not self._counted:
                self._first_at_s = self._last_at_s - took_s
            self._counted += frames
        super().read(frames, took_s)

    def sum_up(self) -> None:
        """Sum up the run, for people and for the benchmark."""
        super().sum_up()
        contract.report(self._counted, self._first_at_s, self._last_at_s)


class TimedTransaction(Transaction):
    """Transaction that reports when it took over its transactional id."""

    def _call(self, step: Any, *arguments: Any) -> None:
        began_s = monotonic()
        super()._call(step, *arguments)
        if step.__name__ == "init_transactions":
            print(msgspec.json.encode(TookOver(began_s, monotonic())).decode(), flush=True)


def main() -> None:
    """Run app.py with the arguments of this process."""
    counting.Report = TimedReport  # type: ignore[attr-defined]
    processor.Transaction = TimedTransaction  # type: ignore[attr-defined]
    runpy.run_path(str(PROJECT / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
