"""The application as a side: `python -m benchmark.ours …` is app.py, and reports as every other side does.

It only notes when the first batch of frames came, and when the last one was counted.
"""

import runpy
from time import monotonic

from benchmark import contract
from benchmark.process import PROJECT
from metrics.frames.commands import main_job
from metrics.frames.job.report import Report


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


def main() -> None:
    """Run app.py with the arguments of this process."""
    main_job.Report = TimedReport  # type: ignore[attr-defined]
    runpy.run_path(str(PROJECT / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
