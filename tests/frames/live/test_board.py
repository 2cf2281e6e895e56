"""What is looked at: results, rejected frames, status and trouble; and those who listen."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any

import pytest

from metrics.frames.live.board import KEEP_REJECTED, MOST_LISTENERS, Board, TooManyListenersError, Trouble
from metrics.frames.live.subscription import MOST_WAITING
from metrics.frames.results.rejected import RejectedFrame
from tests.frames.live.results import T, minute, second, starts

KEEP = {1: 3600, 60: 1440}
SOON_S, NEVER_S = 30.0, 0.05


def board_of(*results: Any) -> Board:
    board = Board(KEEP)
    board.begin(results)
    return board


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, SOON_S))


def test_it_has_begun_once_what_is_there_was_read_even_if_that_is_nothing() -> None:
    board = Board(KEEP)
    assert not board.has_begun
    board.begin([])
    assert board.has_begun


def test_each_size_is_kept_apart() -> None:
    board = board_of(second(T), minute(T), second(T + 1))
    assert starts(board.newest(1, 10)) == [T, T + 1]
    assert starts(board.between(60, 0, T + 60)) == [T]
    assert (board.kept_from(1), board.kept_from(60)) == (T, T)


def test_what_was_read_before_is_gone_once_it_begins_anew() -> None:
    board = board_of(second(T), second(T + 1))
    board.begin([second(5)])
    assert starts(board.newest(1, 10)) == [5]


def test_every_change_is_another_version() -> None:
    board = Board(KEEP)
    versions = [board.version]
    changes: list[Callable[[], None]] = [
        lambda: board.begin([]),
        lambda: board.add([second(T)]),
        lambda: board.add_rejected([rejected(1)]),
        lambda: board.suffer("a", "it is away"),
        lambda: board.relieve("a"),
    ]
    for change in changes:
        change()
        versions.append(board.version)
    assert len(set(versions)) == len(versions)
    board.relieve("a")  # nothing was wrong
    assert board.version == versions[-1]


def rejected(number: int) -> RejectedFrame:
    return RejectedFrame("invalid", "no ts", f"frames/0 offset {number}", None, 2, "{}")


def test_of_rejected_frames_the_last_are_kept_the_newest_first() -> None:
    board = Board(KEEP)
    board.add_rejected(map(rejected, range(100)))
    assert [frame.came_from for frame in board.rejected[:2]] == ["frames/0 offset 99", "frames/0 offset 98"]
    assert len(board.rejected) == KEEP_REJECTED
    board.add_rejected([rejected(7)], anew=True)
    assert board.rejected == [rejected(7)]


def test_trouble_is_the_most_telling_one_since_the_first_until_all_is_over() -> None:
    board = Board(KEEP)
    board.suffer("rejected frames", "no answer")
    first = board.trouble
    assert first is not None
    board.suffer("results", "the topic is missing")
    assert board.trouble == Trouble("the topic is missing", first.since_s)
    board.suffer("status", "it does not answer")
    board.relieve("rejected frames")
    assert board.trouble == Trouble("it does not answer", first.since_s)
    board.relieve("status")
    assert board.trouble == Trouble("the topic is missing", first.since_s)
    board.relieve("results")
    assert board.trouble is None


def test_a_listener_is_told_of_what_comes_from_another_thread() -> None:
    async def listen() -> None:
        board = board_of(second(T))
        subscription = board.listen()
        adding = Thread(target=board.add, args=([second(T + 1), minute(T)],))
        adding.start()
        assert await subscription.take(SOON_S) == [second(T + 1), minute(T)]
        adding.join()
        assert await subscription.take(NEVER_S) == []

    run(listen())


def test_a_listener_is_not_told_of_what_was_there_at_the_start_but_of_what_is_new_when_it_begins_anew() -> None:
    async def listen() -> None:
        board = Board(KEEP)
        subscription = board.listen()
        board.begin([second(T), second(T + 1)])
        assert await subscription.take(NEVER_S) == []
        board.begin([second(T), second(T + 1, 7), second(T + 2)])
        assert await subscription.take(SOON_S) == [second(T + 1, 7), second(T + 2)]

    run(listen())


def test_results_in_a_topic_that_was_empty_at_the_start_are_new_when_it_begins_anew() -> None:
    async def listen() -> None:
        board = board_of()
        subscription = board.listen()
        board.begin([second(T)])
        assert await subscription.take(SOON_S) == [second(T)]

    run(listen())


def test_a_listener_is_not_told_of_a_window_that_is_too_old_to_be_kept() -> None:
    async def listen() -> None:
        board = board_of(second(T + 3600))
        subscription = board.listen()
        board.add([second(T), second(T + 1)])
        assert await subscription.take(SOON_S) == [second(T + 1)]

    run(listen())


def test_a_listener_that_takes_nothing_holds_no_memory_and_no_place() -> None:
    async def listen() -> None:
        board = board_of()
        subscription = board.listen()
        for number in range(MOST_WAITING):
            board.add([second(T + number)])
        assert len(subscription._waiting) == MOST_WAITING
        board.add([second(T + MOST_WAITING)])
        assert subscription.has_overflowed
        assert len(subscription._waiting) == 0
        board.add([second(T + MOST_WAITING + 1)])
        assert await subscription.take(SOON_S) == []
        assert board._listeners == set()

    run(listen())


def test_so_many_listen_and_no_more_until_one_goes() -> None:
    async def listen() -> None:
        board = board_of()
        listening = [board.listen() for _ in range(MOST_LISTENERS)]
        with pytest.raises(TooManyListenersError):
            board.listen()
        listening[3].close()
        board.listen()

    run(listen())


def test_a_listener_catches_up_by_pieces_and_hears_nothing_twice() -> None:
    """It knows the second T and no minute; while it catches up, T + 2 and T + 60 come, and T is published again."""

    async def listen() -> None:
        board = board_of(second(T), second(T + 1), minute(T - 60))
        subscription = board.listen()
        known = {1: T, 60: -1}
        assert board.catch_up(subscription, known, 1) == [minute(T - 60)]
        known[60] = T - 60
        board.add([second(T + 2), second(T, 7), minute(T)])
        assert board.catch_up(subscription, known, 2) == [second(T + 1), second(T + 2)]
        known[1] = T + 2
        assert board.catch_up(subscription, known, 2) == [minute(T)]
        known[60] = T
        assert board.catch_up(subscription, known, 2) == []
        assert await subscription.take(SOON_S) == [second(T, 7)]

    run(listen())


def test_a_listener_that_knows_nothing_has_nothing_to_catch_up_with() -> None:
    async def listen() -> None:
        board = board_of(second(T))
        subscription = board.listen()
        board.add([second(T + 1)])
        assert board.catch_up(subscription, {}, 10) == []
        assert await subscription.take(SOON_S) == [second(T + 1)]

    run(listen())


def test_it_is_told_how_far_a_listener_knows_the_windows() -> None:
    async def listen() -> None:
        board = board_of(second(T), second(T + 1))
        subscription = board.listen()
        assert board.known_to(subscription) == {1: T + 1, 60: -1}
        board.add([second(T + 2), minute(T), second(T + 3)])
        assert board.known_to(subscription) == {1: T + 1, 60: T - 1}
        await subscription.take(SOON_S)
        assert board.known_to(subscription) == {1: T + 3, 60: T}

    run(listen())


def test_at_the_end_everybody_is_let_go_of_also_who_comes_then() -> None:
    async def listen() -> None:
        board = board_of()
        subscription = board.listen()
        ending = Thread(target=board.end)
        ending.start()
        assert await subscription.take(SOON_S) == []
        assert subscription.has_ended
        assert board.listen().has_ended
        ending.join()

    run(listen())


def test_results_for_a_listener_whose_loop_has_ended_harm_nobody() -> None:
    board = board_of()

    async def listen() -> None:
        board.listen()

    run(listen())
    board.add([second(T)])
    assert starts(board.newest(1, 10)) == [T]
