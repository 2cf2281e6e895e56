"""The people of the simulated streams, the same on all platforms."""

from random import Random
from typing import NamedTuple

import msgspec

from metrics.harvest.simulator.words import COUNTRIES, FIRST_NAMES, GENDERS, LAST_NAMES, MAIL_HOSTS

PEOPLE = 50
KNOWN_NAME, KNOWN = "Sytac", 2  # the name that stops a run by default, and the number of people with it
_ALIKE = (("sytac", "Vroom"), ("Pim", "Sytac"), ("Sytac ", "Holt"))  # similar names, which must not stop it
_LEAP_DAY = "29/02/1992"


class Person(NamedTuple):
    """A person, as in the JSON of their events.

    Attributes:
        country: determines the zone of local times; None if unknown.
        encoded: the JSON object.
    """

    country: str | None
    encoded: bytes


def people(seed: int) -> list[Person]:
    """Draw all people, in the order of their ids, 1 to PEOPLE."""
    random = Random(f"{seed} people")
    known = random.sample(range(PEOPLE), KNOWN + len(_ALIKE))
    names = {number: (KNOWN_NAME, random.choice(LAST_NAMES)) for number in known[:KNOWN]}
    names |= dict(zip(known[KNOWN:], _ALIKE, strict=True))
    born = dict(zip(random.sample(range(PEOPLE), 2), (_LEAP_DAY, None), strict=True))
    return [
        _person(
            random,
            number + 1,
            names.get(number) or (random.choice(FIRST_NAMES), random.choice(LAST_NAMES)),
            born.get(number, _birthday(random)),
        )
        for number in range(PEOPLE)
    ]


def _person(random: Random, number: int, name: tuple[str, str], born: str | None) -> Person:
    country = COUNTRIES[number % len(COUNTRIES)]
    user = {
        "id": number,
        "date_of_birth": born,
        "email": f"viewer.{number}@{random.choice(MAIL_HOSTS)}",
        "first_name": name[0],
        "gender": random.choice(GENDERS),
        "ip_address": f"198.51.100.{number}",  # a network for documentation (RFC 5737)
        "country": country,
        "last_name": name[1],
    }
    return Person(country, msgspec.json.encode(user))


def _birthday(random: Random) -> str:
    return f"{random.randint(1, 28):02}/{random.randint(1, 12):02}/{random.randint(1948, 2007)}"
