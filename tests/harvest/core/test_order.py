"""The order of events."""

import random

from metrics.harvest.core.event import Event, Position
from metrics.harvest.core.order import sort_key
from tests.harvest.core.messages import event, message


def test_events_are_ordered_by_instant_then_platform_then_position() -> None:
    def made(event_date: str, platform: str, stream: str, connection: int, frame: int) -> Event:
        return event(
            message(show={"platform": platform}, event_date=f"{event_date}.000"), Position(stream, connection, frame)
        )

    in_order = [
        made("31-01-2023 23:00:00", "Sysney", "sysney", 2, 9),  # texts would order 01-02 before 31-01
        made("01-02-2023 10:00:00", "Sytflix", "sytflix", 1, 9),
        made("01-02-2023 10:00:00", "Sytflix", "sytflix", 1, 10),
        made("01-02-2023 10:00:00", "Sytflix", "sytflix", 2, 1),
        made("01-02-2023 10:00:00", "Sytflix", "sytflix", 10, 1),
        made("01-02-2023 10:00:00", "Sytflix", "sytazon", 1, 1),
        made("01-02-2023 10:00:00", "Sytflix", "sysney", 1, 1),
        made("01-02-2023 10:00:00", "Sytazon", "sytflix", 1, 1),
        made("01-02-2023 10:00:00", "Sysney", "sytflix", 1, 1),
        made("01-02-2023 10:00:00", "Another", "sytflix", 1, 1),
        made("01-02-2023 10:00:00", "Other", "sytflix", 1, 1),
        made("01-02-2023 10:00:01", "Sytflix", "sytflix", 1, 1),
    ]
    shuffled = random.Random(1).sample(in_order, len(in_order))
    assert sorted(shuffled, key=sort_key) == in_order


def test_events_of_two_countries_are_ordered_by_instant_not_by_their_local_times() -> None:
    moscow = event(message(user={"country": "RU"}, event_date="06-12-2023 18:00:00.000"))
    toronto = event(message(user={"country": "CA"}, event_date="06-12-2023 10:00:00.001"))
    assert sorted([toronto, moscow], key=sort_key) == [moscow, toronto]
