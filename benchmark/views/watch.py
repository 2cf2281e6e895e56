"""Processor time and memory of running processes, while they work."""

from contextlib import suppress
from threading import Event, Thread
from types import TracebackType

import psutil

EACH_S = 0.1


class Watch:
    """Processor time and the most memory of the children of a process, between entering and leaving the context.

    Attributes:
        cpu_s: user and system time.
        peak_rss_bytes, peak_pss_bytes: the most memory, sampled; in PSS, shared pages count in part.
    """

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = Event()
        self._thread = Thread(target=self._sample, name="watch", daemon=True)
        self.cpu_s = 0.0
        self.peak_rss_bytes = self.peak_pss_bytes = 0

    def __enter__(self) -> "Watch":
        """Start watching."""
        self.cpu_s = -self._used_s()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop watching; figures are complete."""
        self._ended.set()
        self._thread.join()
        self.cpu_s += self._used_s()

    def _all(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return self._process.children(recursive=True)
        return []

    def _used_s(self) -> float:
        used_s = 0.0
        for each in self._all():
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                used_s += times.user + times.system
        return used_s

    def _sample(self) -> None:
        while True:
            rss_bytes = pss_bytes = 0
            for each in self._all():
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    memory = each.memory_full_info()
                    rss_bytes += memory.rss
                    pss_bytes += getattr(memory, "pss", memory.rss)
            self.peak_rss_bytes = max(self.peak_rss_bytes, rss_bytes)
            self.peak_pss_bytes = max(self.peak_pss_bytes, pss_bytes)
            if self._ended.wait(EACH_S):
                return
