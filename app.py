#!/usr/bin/env python3
"""The command line in a clone; installed, it is the command `metrics`. What it does is in `metrics/application`."""

import sys

try:
    from metrics.__main__ import main
except KeyboardInterrupt:
    sys.exit(130)

if __name__ == "__main__":
    main()
