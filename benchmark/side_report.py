"""Report of a side on its own run: how many frames it read, and when it had the first and the last one."""

import msgspec

from benchmark.process import Finished


class SideReport(msgspec.Struct, frozen=True):
    """Report of a side, times in seconds since its process was started."""

    frames: int
    first_frame_s: float
    last_frame_s: float

    @property
    def steady_rate(self) -> float:
        """Frames per second between the first and the last."""
        return self.frames / max(self.last_frame_s - self.first_frame_s, 1e-9)


def side_report(finished: Finished) -> SideReport | None:
    """Read the line printed by `contract.report`; None if there is none, as from kcat."""
    for line in reversed(finished.printed):
        try:
            return msgspec.json.decode(line.encode(), type=SideReport)
        except msgspec.DecodeError:
            continue
    return None
