"""When frames are due that are sent at a pace: so many a second, or as their own times say."""

from metrics.frames.producer.timestamps import event_time_s

SLICE_S = 0.01


class EvenPace:
    """So many frames a second, in slices of what is due in SLICE_S; below 1 / SLICE_S a second, of one frame.

    Who falls behind catches up at twice the pace, so that there is never more than a slice at once, and the rate over
    the whole is right.

    Args:
        rate: frames per second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._slice = max(1, round(rate * SLICE_S))
        self._frames = 0
        self._start_s = self._sent_s = 0.0

    def due_s(self, _: bytes, now_s: float) -> float:
        """Return when the frame's slice is due.

        Called once for each frame, in order; a frame that is due before now_s, by the same clock, is sent at once.
        """
        if self._frames == 0:
            self._start_s = self._sent_s = now_s
        elif self._frames % self._slice == 0:
            scheduled_s = self._start_s + self._frames / self._rate
            soonest_s = self._sent_s + self._slice / self._rate / 2
            self._sent_s = max(now_s, scheduled_s, soonest_s)
        self._frames += 1
        return self._sent_s


class OwnPace:
    """As their own ts say: a frame is due when as much time has passed since the first one as between their ts.

    One whose ts goes back is due at once; one without a ts that can be read goes with the one before.

    Args:
        speed: how many times as fast as time passes.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first: float | None = None
        self._start_s = 0.0
        self._due_s = float("-inf")

    def due_s(self, frame: bytes, now_s: float) -> float:
        """Return when the frame is due, as above."""
        ts = event_time_s(frame)
        if ts is not None:
            if self._first is None:
                self._first, self._start_s = ts, now_s
            self._due_s = self._start_s + (ts - self._first) / self._speed
        return self._due_s


Pace = EvenPace | OwnPace
