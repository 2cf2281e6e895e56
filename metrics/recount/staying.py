"""What was published of windows that stay, told by the records of those that do not."""

from collections.abc import Iterable

from metrics.frames.windows import Series
from metrics.recount.published import Published


def staying(
    before: Series, records: Iterable[Published], size_s: int, start: int, closed_through: int
) -> Series | None:
    """Return what was published before a window; None where the records do not tell.

    The frames alone do not tell it: windows may have been closed early or skipped, or their frames may be gone.

    Args:
        before: what was published of all windows.
        records: those of all windows from the start on, and of some before, in the order of the log.
    """
    behind: dict[int, Published] = {}
    last: Published | None = None
    for record in records:
        if start <= record.start <= before.last:
            behind[record.start] = record  # of one that was published before, the last record
        elif record.start < start and (last is None or record.start >= last.start):
            last = record
    windows, total = before.windows - len(behind), before.total - sum(record.number for record in behind.values())
    if last is None:
        return Series(closed_through=closed_through) if windows == total == 0 else None
    is_borne_out = windows > 0 and last.average == round(total / windows, 3)
    if not is_borne_out:
        return None
    following = behind[min(behind)] if behind else None
    follows = before.last if following is None else following.start - following.gap_s - size_s
    # Windows behind the last one that neither a record nor its gap_s tells of were skipped: they stay so, and are no
    # rows of 0 either.
    was_skipped = follows > last.start
    return Series(max(last.start, start - size_s) if was_skipped else last.start, windows, total, closed_through)
