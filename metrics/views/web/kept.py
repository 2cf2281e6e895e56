"""Values that are read once for all who ask for them at about the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

RETRY_S = 0.5


class Kept(Generic[T]):
    """A value that is read again, at the earliest, some time after it was last read.

    Args:
        read: returns the value.
        every_s: the time since the reading began; after a slow one it is longer, so that reading takes half of the time
            at most. After a failure, it is RETRY_S.
        clock: in seconds.
    """

    def __init__(self, read: Callable[[], Awaitable[T]], every_s: float, clock: Callable[[], float]) -> None:
        self._read = read
        self._every_s = every_s
        self._clock = clock
        self._reading = asyncio.Lock()
        self._values: list[T] = []  # the newest one, once it was read
        self._failure: Exception | None = None
        self._version: object = self
        self._next_at_s = float("-inf")

    async def get(self, version: object = None) -> T:
        """Return the value.

        Args:
            version: of what it is read from: while this is the same, the value is not read again; None if unknown.

        Raises:
            Exception: as `read` raised when it was last called.
        """
        async with self._reading:
            is_known = version is not None and version == self._version and self._failure is None
            if not is_known and self._clock() >= self._next_at_s:
                await self._renew(version)
        if self._failure is not None:
            raise self._failure
        return self._values[0]

    async def _renew(self, version: object) -> None:
        began_s = self._clock()
        try:
            self._values, self._failure = [await self._read()], None
        except Exception as error:
            self._failure, self._next_at_s = error, self._clock() + RETRY_S
        else:
            self._version = version
            self._next_at_s = max(began_s + self._every_s, 2 * self._clock() - began_s)


class KeptByKey(Generic[K, T]):
    """Values by key, each as `Kept`: those that were asked for last.

    Args:
        read: returns the value of a key.
        most: how many are kept.
    """

    def __init__(
        self, read: Callable[[K], Awaitable[T]], every_s: float, most: int, clock: Callable[[], float]
    ) -> None:
        self._read = read
        self._every_s = every_s
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[K, Kept[T]] = OrderedDict()

    async def get(self, key: K, version: object = None) -> T:
        """Return the value of a key, as `Kept.get`."""
        kept = self._kept.setdefault(key, Kept(partial(self._read, key), self._every_s, self._clock))
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return await kept.get(version)
