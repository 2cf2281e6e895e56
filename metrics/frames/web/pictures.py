"""The pictures that open pages show, each made once for all pages with the same choice."""

from metrics.frames.live.view import LiveView
from metrics.frames.sizes import Size
from metrics.frames.web.choice import Choice
from metrics.frames.web.picture import Picture


class Pictures:
    """The pictures of a live view, of its present version."""

    def __init__(self, live: LiveView) -> None:
        self._live = live
        self._version = -1
        self._made: dict[tuple[Size, Choice], Picture] = {}
        self._before: dict[tuple[Size, Choice], Picture] = {}

    def of(self, size: Size, choice: Choice) -> Picture:
        """Return the picture of the windows of a size, the same object as before if nothing in it has changed."""
        if self._live.version != self._version:
            self._version = self._live.version
            self._before, self._made = self._made, {}
        key = size, choice
        if key not in self._made:
            picture = self._picture(size, choice)
            before = self._before.get(key)
            self._made[key] = before if before == picture else picture
        return self._made[key]

    def _picture(self, size: Size, choice: Choice) -> Picture:
        status, length_s = self._live.status, choice.length_s
        if choice.zoom is not None:
            return Picture.of(size, self._live.between(size.size_s, *choice.zoom), length_s=length_s)
        # A few more than are shown, so that the first step is a whole one.
        most = self._live.keep(size) if length_s is None else length_s // size.size_s * 51 // 50 + 1
        event_time = status.event_time.timestamp if status and status.event_time else None
        return Picture.of(size, self._live.newest(size.size_s, most), event_time, length_s)
