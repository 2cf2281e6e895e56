"""From where on an input that lost its first frames holds all of those that follow."""

from collections.abc import Iterable

from metrics.frames.core.frame import Frame, Rejection
from metrics.frames.core.state import Rules
from metrics.frames.sizes import largest

FIRST_FRAMES = 100


def whole_from(first: Iterable[Frame | Rejection], newest: int, rules: Rules) -> int:
    """Return the start of the first window, of the largest size, that lacks no frame of a partition; 0 if unknown.

    Event time before the first frame that is left is not known, but it was not far above that of the next ones; and
    where none of these is left, not above what the state says.

    Args:
        first: the frames that are left, FIRST_FRAMES of them at the most.
        newest: the event clock of the state.
    """
    seen = sorted(frame.ts for frame in first if isinstance(frame, Frame))
    near = [ts for ts in seen if ts <= seen[len(seen) // 2] + rules.future_limit_s]
    last = near[-1] + rules.lateness_s if near else newest
    return largest().end_of(last) if last >= 0 else 0
