"""The live view: results, rejected frames, status and outages; and its listeners."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from time import time
from typing import Any

import pytest

from metrics.frames.live.subscription import MAX_WAITING
from metrics.frames.live.view import KEEP_REJECTED, MAX_LISTENERS, LiveView, Outage, TooManyListenersError
from metrics.frames.replay_marks import Place
from metrics.frames.results.rejected import DeadLetter
from metrics.frames.sizes import MINUTE, SECOND
from tests.frames.live.results import T, minute, second, starts

KEEP = {SECOND: 3600, MINUTE: 1440}
SOON_S, NEVER_S = 30.0, 0.05


def view_of(*results: Any) -> LiveView:
    live = LiveView(KEEP)
    live.begin(results)
    return live


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, SOON_S))


def test_it_has_begun_once_the_results_were_read_even_if_there_are_none() -> None:
    live = LiveView(KEEP)
    assert not live.has_begun
    live.begin([])
    assert live.has_begun


def test_it_knows_since_when_nothing_new_has_come_also_after_an_outage() -> None:
    live = view_of(second(T + 3_600))
    read_at = [live.added_at_s]  # None: it was there before
    live.add([second(T - 10)])  # too old to be kept
    read_at.append(live.added_at_s)
    assert read_at == [None, None]
    before_s = time()
    live.add([second(T + 3_601)])
    first_s = live.added_at_s or 0.0
    assert before_s <= first_s <= time()
    live.begin([second(T + 3_600), second(T + 3_601)])  # an outage is over, in which nothing was missed
    assert live.added_at_s == first_s
    live.begin([second(T + 3_601), second(T + 3_602)])
    assert live.added_at_s > first_s


def test_sizes_are_kept_separately() -> None:
    live = view_of(second(T), minute(T), second(T + 1))
    assert starts(live.newest(1, 10)) == [T, T + 1]
    assert starts(live.between(60, 0, T + 60)) == [T]
    assert (live.kept_from(1), live.kept_from(60)) == (T, T)


def test_a_second_begin_replaces_earlier_results() -> None:
    live = view_of(second(T), second(T + 1))
    live.begin([second(5)])
    assert starts(live.newest(1, 10)) == [5]


def test_every_change_increases_the_version() -> None:
    live = LiveView(KEEP)
    versions = [live.version]
    changes: list[Callable[[], None]] = [
        lambda: live.begin([]),
        lambda: live.add([second(T)]),
        lambda: live.add_rejected([rejected(1)]),
        lambda: live.report_outage("a", "it is away"),
        lambda: live.end_outage("a"),
    ]
    for change in changes:
        change()
        versions.append(live.version)
    assert len(set(versions)) == len(versions)
    live.end_outage("a")  # nothing was wrong
    assert live.version == versions[-1]


def rejected(number: int) -> DeadLetter:
    record = Place("frames-rejected", 0, number)
    return DeadLetter("no_ts", "no ts", f"frames/0 offset {number}", None, 2, "{}", record, 2, None)


def test_the_last_rejected_frames_are_kept_newest_first() -> None:
    live = LiveView(KEEP)
    live.add_rejected(map(rejected, range(100)))
    assert [frame.came_from for frame in live.rejected[:2]] == ["frames/0 offset 99", "frames/0 offset 98"]
    assert len(live.rejected) == KEEP_REJECTED
    live.add_rejected([rejected(7)], replace=True)
    assert live.rejected == [rejected(7)]


def test_the_outage_is_the_most_specific_one_since_the_first_began() -> None:
    live = LiveView(KEEP)
    live.report_outage("rejected frames", "no answer")
    first = live.outage
    assert first is not None
    live.report_outage("results", "the topic is missing")
    assert live.outage == Outage("the topic is missing", first.since_s)
    live.report_outage("status", "it does not answer")
    live.end_outage("rejected frames")
    assert live.outage == Outage("it does not answer", first.since_s)
    live.end_outage("status")
    assert live.outage == Outage("the topic is missing", first.since_s)
    live.end_outage("results")
    assert live.outage is None


def test_a_listener_gets_results_that_another_thread_adds() -> None:
    async def listen() -> None:
        live = view_of(second(T))
        subscription = live.listen({})
        adding = Thread(target=live.add, args=([second(T + 1), minute(T)],))
        adding.start()
        assert await subscription.take(SOON_S) == [second(T + 1), minute(T)]
        adding.join()
        assert await subscription.take(NEVER_S) == []

    run(listen())


def test_a_listener_gets_no_initial_results_but_gets_those_that_are_new_after_a_second_begin() -> None:
    async def listen() -> None:
        live = LiveView(KEEP)
        subscription = live.listen({})
        live.begin([second(T), second(T + 1)])
        assert await subscription.take(NEVER_S) == []
        live.begin([second(T), second(T + 1, 7), second(T + 2)])
        assert await subscription.take(SOON_S) == [second(T + 1, 7), second(T + 2)]

    run(listen())


def test_results_of_an_initially_empty_topic_are_new_after_a_second_begin() -> None:
    async def listen() -> None:
        live = view_of()
        subscription = live.listen({})
        live.begin([second(T)])
        assert await subscription.take(SOON_S) == [second(T)]

    run(listen())


def test_a_listener_does_not_get_a_window_that_is_too_old_to_keep() -> None:
    async def listen() -> None:
        live = view_of(second(T + 3600))
        subscription = live.listen({})
        live.add([second(T), second(T + 1)])
        assert await subscription.take(SOON_S) == [second(T + 1)]

    run(listen())


def test_a_listener_that_takes_nothing_overflows_and_is_removed() -> None:
    async def listen() -> None:
        live = view_of()
        subscription = live.listen({})
        for number in range(MAX_WAITING):
            live.add([second(T + number)])
        assert len(subscription._waiting) == MAX_WAITING
        live.add([second(T + MAX_WAITING)])
        assert subscription.has_overflowed
        assert len(subscription._waiting) == 0
        live.add([second(T + MAX_WAITING + 1)])
        assert await subscription.take(SOON_S) == []
        assert live._listeners == set()

    run(listen())


def test_the_number_of_listeners_is_limited() -> None:
    async def listen() -> None:
        live = view_of()
        listening = [live.listen({}) for _ in range(MAX_LISTENERS)]
        with pytest.raises(TooManyListenersError):
            live.listen({})
        live.forget(listening[3])
        live.listen({})

    run(listen())


def test_a_listener_that_resumes_gets_what_it_missed_and_nothing_twice() -> None:
    """It knows the second T and no minute; then T + 2 and the minute T come, and the second T is published again."""

    async def listen() -> None:
        live = view_of(second(T), second(T + 1), minute(T - 60))
        subscription = live.listen({1: T, 60: -1})
        live.add([second(T + 2), second(T, 7), minute(T)])
        assert await subscription.take(SOON_S) == [
            minute(T - 60),
            second(T + 1),
            second(T + 2),
            second(T, 7),
            minute(T),
        ]
        assert await subscription.take(NEVER_S) == []

    run(listen())


def test_a_listener_that_knows_nothing_has_nothing_to_resume() -> None:
    async def listen() -> None:
        live = view_of(second(T))
        subscription = live.listen({})
        live.add([second(T + 1)])
        assert await subscription.take(SOON_S) == [second(T + 1)]

    run(listen())


def test_a_listener_that_resumes_before_the_results_are_read_gets_what_it_missed_once_they_are() -> None:
    async def listen() -> None:
        live = LiveView(KEEP)
        subscription = live.listen({1: T, 7: 0})
        assert subscription.at == {}
        live.begin([second(T), second(T + 1), minute(T)])
        assert subscription.at == {1: T, 60: T}
        live.add([second(T + 2)])
        assert await subscription.take(SOON_S) == [second(T + 1), second(T + 2)]

    run(listen())


def test_a_listener_that_missed_more_than_the_limit_gets_it_all() -> None:
    async def listen() -> None:
        live = LiveView({SECOND: 2 * MAX_WAITING})
        live.begin([second(T + at) for at in range(MAX_WAITING + 5)])
        subscription = live.listen({1: -1})
        live.add([second(T + MAX_WAITING + 5)])
        assert starts(await subscription.take(SOON_S)) == [T + at for at in range(MAX_WAITING + 6)]

    run(listen())


def test_a_listener_begins_at_the_newest_window_of_each_size_that_it_does_not_know() -> None:
    async def listen() -> None:
        live = view_of(second(T), second(T + 1))
        assert live.listen({}).at == {1: T + 1, 60: -1}
        assert live.listen({1: T, 7: 0}).at == {1: T, 60: -1}

    run(listen())


def test_at_the_end_present_and_future_listeners_are_notified() -> None:
    async def listen() -> None:
        live = view_of()
        subscription = live.listen({})
        ending = Thread(target=live.end)
        ending.start()
        assert await subscription.take(SOON_S) == []
        assert subscription.has_ended
        assert live.listen({}).has_ended
        ending.join()

    run(listen())


def test_results_for_a_listener_whose_loop_has_ended_are_dropped() -> None:
    live = view_of()

    async def listen() -> None:
        live.listen({})

    run(listen())
    live.add([second(T)])
    assert starts(live.newest(1, 10)) == [T]
