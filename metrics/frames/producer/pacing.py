"""Due times of frames that are sent at a pace: at a fixed rate, or by their own timestamps."""

from metrics.frames.producer.timestamps import WrittenTimes

SLICE_S = 0.01


class EvenPace:
    """Fixed rate, in slices of the frames due in SLICE_S; below 1 / SLICE_S frames per second, of one frame.

    After falling behind, it catches up at twice the rate, so that at most one slice is sent at once and the overall
    rate is right.

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

        Call it once per frame, in order. A frame that is due before now_s, by the same clock, is sent at once.
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
    """The frames' own pace: a frame is due when the time between its ts and the first one has passed.

    A frame whose ts goes back is due at once; one without a readable ts is due with the frame before it.

    Args:
        times: of the frames.
        speed: factor by which event time passes faster than wall time.
    """

    def __init__(self, times: WrittenTimes, speed: float) -> None:
        self._times = times
        self._speed = speed
        self._first: float | None = None
        self._start_s = 0.0
        self._due_s = float("-inf")

    def due_s(self, frame: bytes, now_s: float) -> float:
        """Return when the frame is due."""
        ts = self._times.event_time_s(frame)
        if ts is not None:
            if self._first is None:
                self._first, self._start_s = ts, now_s
            self._due_s = self._start_s + (ts - self._first) / self._speed
        return self._due_s


Pace = EvenPace | OwnPace
