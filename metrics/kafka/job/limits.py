"""How many frames a transaction may hold."""

MOST_FRAMES = 100_000
# A transaction that held no more than these was not lost because it was large.
FEWEST_FRAMES = 500
# A commit that takes longer is not far from being given up.
LONG_S = 5.0


class Load:
    """Halves what a transaction holds when one is lost, and lets it grow when one commits.

    A broker may be so slow to write that what was read in a moment cannot be written before the commit is given up.
    Read again after that, and sent at once again, it would be lost for ever.

    Attributes:
        most_frames: how many frames a transaction may hold.
    """

    def __init__(self) -> None:
        self.most_frames = MOST_FRAMES

    def lost(self, frames: int) -> None:
        """Note that a transaction of so many frames was lost."""
        if frames > FEWEST_FRAMES:
            self.most_frames = max(FEWEST_FRAMES, min(frames, self.most_frames) // 2)

    def committed(self, frames: int, took_s: float) -> None:
        """Note that a transaction of so many frames was committed, and how long that took.

        Only one that was nearly full proves anything.
        """
        if frames >= self.most_frames // 2:
            grown = self.most_frames * 2 if took_s < LONG_S else self.most_frames * 5 // 4
            self.most_frames = min(MOST_FRAMES, grown)
