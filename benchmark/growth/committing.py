"""The application with another interval between its commits: `python -m benchmark.growth.committing SECONDS …`.

The interval while frames pour in is a constant, not a setting. Here it is another one, and no number of frames makes a
commit due before; all else is app.py.
"""

import runpy
import sys

from benchmark.process import PROJECT
from metrics.frames.job import loop
from metrics.kafka.job import limits


def main() -> None:
    """Set the interval, and run app.py with the arguments that are left."""
    loop.BUSY_COMMIT_S = float(sys.argv.pop(1))
    limits.MOST_FRAMES = sys.maxsize
    runpy.run_path(str(PROJECT / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
