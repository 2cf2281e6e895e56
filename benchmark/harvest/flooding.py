"""The server of a flood: local streams that send as fast as they are read, two of a hundred messages malformed.

Its argument is `own` or `none`: the ids of frames. It prints its `Address` as JSON, and serves until it is killed.
"""

import sys
from threading import Event

import msgspec

from metrics.harvest.core.event import STREAMS
from metrics.harvest.simulator.faults import Faults
from metrics.harvest.simulator.server import local_streams

SEED, MALFORMED = 1, 0.02


class Address(msgspec.Struct, frozen=True):
    """Address and password of the streams."""

    url: str
    password: str


def main() -> None:
    """Serve."""
    faults = Faults() if sys.argv[1] == "own" else Faults(ids="none")
    with local_streams(seed=SEED, malformed=MALFORMED, gap_s=(0, 0), faults=dict.fromkeys(STREAMS, faults)) as endpoint:
        print(msgspec.json.encode(Address(endpoint.url, endpoint.password)).decode(), flush=True)
        Event().wait()


if __name__ == "__main__":
    main()
