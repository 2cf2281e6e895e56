"""The application with another interval between its commits: `python -m benchmark.growth.committing SECONDS …`.

The interval while frames pour in is a constant, not a setting. Here it is another one, and no number of frames makes a
commit due before; all else is `benchmark.ours`.
"""

import sys

from benchmark import ours
from metrics.kafka.job import commits, limits


def main() -> None:
    """Set the interval, and run the application with the arguments that are left."""
    commits.BUSY_COMMIT_S = float(sys.argv.pop(1))
    limits.MOST_RECORDS = sys.maxsize
    ours.main()


if __name__ == "__main__":
    main()
