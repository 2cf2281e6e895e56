"""The verdict on each frame of a run."""

from metrics.harvest.core.event import Position
from metrics.harvest.core.frames import Frame
from metrics.harvest.core.tally import Tally
from tests.harvest.core.messages import RECEIVED_US, event, frame, message


class Run:
    """A run that takes frames, each at the next position of its stream."""

    def __init__(self, name: str = "Sytac", times: int = 3) -> None:
        self.tally = Tally(name, times)
        self._frames = 0

    def take(self, taken: Frame, stream: str = "sytflix", connection: int = 1) -> bool:
        """Return whether a frame is an event."""
        self._frames += 1
        return self.tally.take(taken, Position(stream, connection, self._frames), RECEIVED_US) is not None


def named(name: object, own_id: bytes | None = None, **user: object) -> Frame:
    return frame(message(user={"first_name": name} | user), own_id=own_id)


def test_a_valid_frame_is_its_event() -> None:
    assert Tally("Sytac", 3).take(frame(), Position("sytflix", 1, 17), RECEIVED_US) == event()


def test_every_frame_is_an_event_or_repeated_or_malformed_for_a_reason() -> None:
    run = Run()
    assert run.take(frame())
    assert not run.take(frame())
    assert not run.take(frame(b"not JSON"))
    assert not run.take(frame(b"nor this"))
    assert not run.take(frame(event=b""))
    assert run.take(frame(own_id=b"i1"), "sytazon") is False  # its JSON says Sytflix
    sytflix, sytazon, sysney = run.tally.streams.values()
    assert (sytflix.frames, sytflix.events, sytflix.repeated) == (5, 1, 1)
    assert sytflix.malformed == {"json": 2, "event": 1}
    assert (sytazon.frames, sytazon.events, sytazon.repeated, sytazon.malformed) == (1, 0, 1, {})
    assert (sysney.frames, sysney.events, sysney.repeated, sysney.malformed) == (0, 0, 0, {})


def test_an_id_repeats_over_connections_but_not_over_platforms() -> None:
    run = Run()
    assert run.take(frame(own_id=b"i1"))
    assert not run.take(frame(message(show={"title": "Another"}), own_id=b"i1"), connection=2)
    assert run.take(frame(message(show={"platform": "Sytazon"}), own_id=b"i1"), "sytazon")
    assert run.take(frame(message(show={"platform": None}), own_id=b"i1"), "sysney")
    assert run.take(frame(own_id=b"i2"))
    assert run.take(frame(own_id=b"I1"))


def test_frames_without_an_id_never_repeat() -> None:
    run = Run()
    assert [run.take(frame(own_id=own_id)) for own_id in (None, None, b"", b"")] == [True] * 4


def test_platform_and_id_are_told_apart() -> None:
    run = Run()
    assert run.take(frame(message(show={"platform": "Sy"}), own_id=b"tflix"))
    assert run.take(frame(message(show={"platform": "Sytf"}), own_id=b"lix"))
    assert run.take(frame(message(show={"platform": "1 S"}), own_id=b"x"))
    assert run.take(frame(message(show={"platform": "1"}), own_id=b" Sx"))


def test_a_malformed_frame_does_not_take_up_its_id() -> None:
    run = Run()
    assert not run.take(frame(b"{", own_id=b"i1"))
    assert run.take(frame(own_id=b"i1"))


def test_the_name_is_seen_in_valid_events_that_are_not_repeated_over_all_streams() -> None:
    run = Run()
    assert run.take(named("Sytac", own_id=b"a"), "sytflix")
    assert not run.take(named("Sytac", own_id=b"a"), "sytflix")
    assert not run.take(named("Sytac", id=None), "sytflix")
    assert run.take(named("Sytac", own_id=None), "sysney")
    assert (run.tally.name_seen, run.tally.is_full) == (2, False)
    assert run.take(named("Sytac", own_id=b"b"), "sytazon")
    assert (run.tally.name_seen, run.tally.is_full) == (3, True)


def test_the_name_is_seen_only_if_it_is_exactly_the_first_name() -> None:
    run = Run(times=1)
    for name in ("sytac", "SYTAC", " Sytac", "Sytac ", "Sytac\u200b", "S\u0443tac", "Sytacs", "Syta", "", "Sytac\0"):
        assert run.take(named(name))
    assert run.take(named("Ardys", last_name="Sytac"))
    assert run.tally.name_seen == 0
    escaped = message(user={"first_name": "Sytac"}).replace(b"Sytac", rb"\u0053ytac")
    assert run.take(frame(escaped))
    assert (run.tally.name_seen, run.tally.is_full) == (1, True)


def test_a_name_is_compared_as_it_is_written_not_as_it_looks() -> None:
    run = Run("Zoë", 1)
    assert run.take(named("Zoe\u0308"))
    assert run.tally.name_seen == 0
    assert run.take(named("Zo\u00eb"))
    assert run.tally.is_full
