"""What the process that measures tells the one that asked for it."""

import msgspec

OURS = "ours: read_frame"


class Verdict(msgspec.Struct, frozen=True):
    """Whether a decoder is right.

    Attributes:
        wrong: how many frames it read, but not their ts and uid; None where it reads no field.
        refused: how many frames it refused.
        takes: what it takes that breaks the rules of its format, in words.
        fails_on: what it refuses or misreads that keeps them, in words.
        spoils_batches: a frame that it refuses makes it refuse those beside it.
    """

    wrong: int | None
    refused: int
    takes: list[str] = []
    fails_on: list[str] = []
    spoils_batches: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing is to be said against it."""
        return not (self.wrong or self.refused or self.takes or self.fails_on or self.spoils_batches)


class Decoded(msgspec.Struct, frozen=True):
    """What was found out about a decoder.

    Attributes:
        format: the name of the format that it reads.
        frame_bytes: size of a frame in that format, on average.
        seconds: processor time for all frames, round by round; empty where it refused one, and was not measured.
    """

    name: str
    format: str
    frame_bytes: float
    verdict: Verdict
    seconds: list[float]


class Described(msgspec.Struct, frozen=True):
    """How a frame is written in a format."""

    name: str
    how: str


class Found(msgspec.Struct, frozen=True):
    """What was found out.

    Attributes:
        frames: how many were read in each round.
        versions: of what was measured, in words.
        formats: all but JSON.
    """

    frames: int
    versions: list[str]
    formats: list[Described]
    decoders: list[Decoded]
