"""What a side says of its own run: how many frames it read, and when the first and the last one."""

import re
from collections.abc import Sequence

import msgspec

from benchmark.process import Finished, Line

# What app.py prints before its first poll, and at its end.
_BEGIN = re.compile(r"counting .*; Ctrl-C stops")
_END = re.compile(r"stopped after ([\d,]+) frames? in [\d,.]+ s: ([\d,.]+) frames/s")


class Told(msgspec.Struct, frozen=True):
    """A side's own account, in seconds since its process was started."""

    frames: int
    first_frame_s: float
    last_frame_s: float

    @property
    def steady_rate(self) -> float:
        """Frames per second between the first and the last."""
        return self.frames / max(self.last_frame_s - self.first_frame_s, 1e-9)


def nothing(_: Finished) -> None:
    """Read nothing: kcat tells nothing."""


def by_json_line(finished: Finished) -> Told | None:
    """Read the line that `contract.report` prints; None where there is none."""
    for line in reversed(finished.printed):
        try:
            return msgspec.json.decode(line.text.encode(), type=Told)
        except msgspec.DecodeError:
            continue
    return None


def by_summary(finished: Finished) -> Told | None:
    """Read what `app.py` prints; None where it did not come so far.

    It times itself from its line "counting …", before it has fetched anything, to its last frame: so that is taken for
    its first frame, and its steady rate has the wait for the first fetch in it.
    """
    begin = _first(_BEGIN, finished.printed)
    end = _first(_END, finished.printed)
    if begin is None or end is None:
        return None
    (began, _), (_, match) = begin, end
    frames, rate = (float(text.replace(",", "")) for text in match.groups())
    first_frame_s = began.at_s - finished.measured.started_s
    return Told(int(frames), first_frame_s, first_frame_s + frames / max(rate, 1e-9))


def _first(pattern: re.Pattern[str], lines: Sequence[Line]) -> tuple[Line, re.Match[str]] | None:
    for line in lines:
        match = pattern.search(line.text)
        if match is not None:
            return line, match
    return None
