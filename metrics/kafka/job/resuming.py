"""The offsets to resume from: those that a sink has committed, compared with what the topic still has."""

from collections.abc import Mapping
from typing import NamedTuple

from metrics.kafka.offsets import OffsetRange
from metrics.wording.errors import StateError


class Resumption(NamedTuple):
    """Offsets at which reading resumes, and what was lost before them.

    Attributes:
        starts: for each partition the offset of the first record to read.
        losses: a line for each loss of records that were never read; a run may only resume if its user accepts them.
    """

    starts: dict[int, int]
    losses: list[str]

    def accepted(self, hint: str) -> dict[int, int]:
        """Return the offsets, if nothing is lost.

        Args:
            hint: how to accept the loss.

        Raises:
            StateError: something is lost.
        """
        if self.losses:
            raise StateError("records that were not read are gone", why="\n".join(self.losses), hint=hint)
        return self.starts


def resume(
    topic: str, next_offsets: Mapping[int, int], ranges: Mapping[int, OffsetRange], *, is_recreated: bool
) -> Resumption:
    """Compare committed offsets with the offset range of each partition.

    One without a committed offset is new. If others have one, it was added since, so all of its records count.

    Args:
        is_recreated: nothing is committed, but records of another topic of this name were.
    """
    starts, losses = {number: low for number, (low, _) in ranges.items()}, list[str]()
    if is_recreated:
        losses.append(f"the topic {topic} was deleted and recreated; records of the old one may never have been read")
    for number, (low, high) in ranges.items():
        if next_offsets and number not in next_offsets and low > 0:
            losses.append(f"{topic}/{number}: the topic holds offsets {low} to {high}, 0 to {low} were never read")
    for number, position in next_offsets.items():
        if number not in ranges:
            losses.append(f"{topic}/{number} was read up to {position}, but the partition does not exist")
            continue
        low, high = ranges[number]
        where = f"{topic}/{number}: the topic holds offsets {low} to {high}"
        if position > high:
            losses.append(f"{where}, but was read up to {position}: {high} to {position} are gone")
        elif position < low:
            losses.append(f"{where}, {position} to {low} were never read")
        starts[number] = min(max(position, low), high)
    return Resumption(starts, losses)
