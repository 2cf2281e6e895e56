"""Values that are read once for all who ask for them at about the same time."""

import asyncio

import pytest

from metrics.views.web.kept import RETRY_S, Kept, KeptByKey


class Source:
    """A source of 1, 2, 3, …, of which each reading takes some time."""

    def __init__(self) -> None:
        self.now_s = self.takes_s = 0.0
        self.failure: Exception | None = None
        self.read = 0

    def clock(self) -> float:
        return self.now_s

    async def next(self) -> int:
        self.read += 1
        self.now_s += self.takes_s
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return self.read


async def get(kept: Kept[int], *versions: object) -> list[int]:
    return await asyncio.gather(*(kept.get(version) for version in versions))


def test_twenty_pages_read_once_until_it_is_time_again() -> None:
    source = Source()
    kept = Kept(source.next, 1.0, source.clock)

    async def look() -> None:
        assert await get(kept, *[None] * 20) == [1] * 20
        source.now_s = 0.99
        assert await get(kept, None) == [1]
        source.now_s = 1.0
        assert await get(kept, None, None) == [2, 2]

    asyncio.run(look())


def test_the_same_version_is_read_once_and_another_one_when_it_is_time() -> None:
    source = Source()
    kept = Kept(source.next, 1.0, source.clock)

    async def look() -> None:
        assert await get(kept, 7, 7) == [1, 1]
        source.now_s = 100.0
        assert await get(kept, 7) == [1]
        assert await get(kept, 8) == [2]
        assert await get(kept, 9) == [2]  # too early
        source.now_s = 101.0
        assert await get(kept, 9) == [3]

    asyncio.run(look())


def test_slow_readings_take_half_of_the_time_at_most() -> None:
    source = Source()
    source.takes_s = 3.0
    kept = Kept(source.next, 1.0, source.clock)

    async def look() -> None:
        assert await get(kept, None) == [1]
        source.now_s = 5.9
        assert await get(kept, None) == [1]
        source.now_s = 6.0
        assert await get(kept, None) == [2]

    asyncio.run(look())


def test_a_failure_is_shared_and_tried_again_even_if_the_version_is_the_same() -> None:
    source = Source()
    kept = Kept(source.next, 10.0, source.clock)

    async def look() -> None:
        source.failure = OSError("away")
        for _ in range(3):
            with pytest.raises(OSError, match="away"):
                await kept.get(7)
        assert source.read == 1
        source.now_s, source.failure = RETRY_S, None
        assert await get(kept, 7, 7) == [2, 2]

    asyncio.run(look())


def test_each_key_has_a_value_of_its_own_and_the_one_asked_for_longest_ago_is_forgotten() -> None:
    source, read = Source(), list[str]()

    async def value(key: str) -> str:
        read.append(key)
        return key.upper()

    kept = KeptByKey(value, 10.0, 2, source.clock)

    async def look() -> None:
        assert await asyncio.gather(*(kept.get(key) for key in "aaba")) == ["A", "A", "B", "A"]
        assert await kept.get("c") == "C"
        assert [await kept.get("a"), await kept.get("b")] == ["A", "B"]

    asyncio.run(look())
    assert read == ["a", "b", "c", "b"]
