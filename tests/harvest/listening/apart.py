"""Local streams in a process of their own, which does not share the interpreter with the run that reads them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from metrics.harvest.simulator.faults import Faults
from metrics.harvest.simulator.server import Endpoint, local_streams

Ids = Literal["own", "none"]

ROOT = Path(__file__).parents[3]


@contextmanager
def streams_apart(gap_s: Mapping[str, tuple[float, float]], ids: Ids = "own") -> Iterator[Endpoint]:
    """Serve streams with these gaps between their messages, without malformed ones."""
    command = [sys.executable, "-m", "tests.harvest.listening.apart", json.dumps(gap_s), ids]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url, user, password, seed = json.loads(process.stdout.readline())
            yield Endpoint(url, user, password, seed, [])
        finally:
            process.kill()


def _serve(gap_s: Mapping[str, tuple[float, float]], ids: Ids) -> None:
    faults = {stream: Faults(gap_s=(least, most), ids=ids) for stream, (least, most) in gap_s.items()}
    with local_streams(seed=7, malformed=0, faults=faults) as endpoint:
        print(json.dumps([endpoint.url, endpoint.user, endpoint.password, endpoint.seed]), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]), "own" if sys.argv[2] == "own" else "none")
