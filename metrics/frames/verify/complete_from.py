"""The second from which windows are complete although the input has lost its first frames."""

from collections.abc import Iterable

from metrics.frames.core.frame import Frame, Rejection
from metrics.frames.core.state import Rules
from metrics.frames.sizes import largest

FIRST_FRAMES = 100


def whole_from(first: Iterable[Frame | Rejection], newest: int, rules: Rules) -> int:
    """Return the start of the first window, of the largest size, that lacks no frame of a partition; 0 if unknown.

    Event time before the first remaining frame is unknown, but it was not far above that of the next frames; if none
    remain, not above the state's.

    Args:
        first: the first remaining frames, at most FIRST_FRAMES.
        newest: the event clock of the state.
    """
    seen = sorted(frame.ts for frame in first if isinstance(frame, Frame))
    near = [ts for ts in seen if ts <= seen[len(seen) // 2] + rules.future_limit_s]
    last = near[-1] + rules.lateness_s if near else newest
    return largest().end_of(last) if last >= 0 else 0
