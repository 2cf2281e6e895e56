"""Local streams in a process of their own, which does not share the interpreter with the run that reads them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from metrics.harvest.simulator.faults import Faults
from metrics.harvest.simulator.server import Endpoint, local_streams

ROOT = Path(__file__).parents[3]


class Apart:
    """Local streams that run in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        url, user, password, seed = self._answer()
        self.endpoint = Endpoint(url, user, password, seed, [])

    def closed_us(self) -> list[int]:
        """Return when the connections so far were closed, in microseconds since the epoch; wait for it."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        answer: list[int] = self._answer()
        return answer

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def streams_apart(gap_s: dict[str, tuple[float, float]]) -> Iterator[Apart]:
    """Serve streams with these gaps between their messages, without malformed ones."""
    command = [sys.executable, "-m", "tests.harvest.listening.apart", json.dumps(gap_s)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Apart(process)
        finally:
            process.kill()


def _serve(gap_s: dict[str, tuple[float, float]]) -> None:
    faults = {stream: Faults(gap_s=(least, most)) for stream, (least, most) in gap_s.items()}
    with local_streams(seed=7, malformed=0, faults=faults) as endpoint:
        print(json.dumps([endpoint.url, endpoint.user, endpoint.password, endpoint.seed]), flush=True)
        for _ in sys.stdin:
            assert all(asked.closed.wait(10) for asked in endpoint.asked)
            print(json.dumps([asked.closed_us for asked in endpoint.asked]), flush=True)


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
