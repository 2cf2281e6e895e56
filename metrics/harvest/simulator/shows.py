"""The shows of a simulated platform. All platforms have the same ids, each has its own titles."""

from random import Random

import msgspec

from metrics.harvest.simulator.words import (
    ADJECTIVES,
    DESCRIPTIONS,
    FIRST_NAMES,
    GENRES,
    LAST_NAMES,
    NOUNS,
    ODD_TITLES,
    PRODUCED_IN,
    RATINGS,
)

SHOWS = 12
_MONTHS = ("January", "April", "May", "August", "November")


def shows(seed: int, platform: str) -> list[bytes]:
    """Draw the shows `s1` to `s12` of a platform, each as a JSON object."""
    random = Random(f"{seed} {platform} shows")
    plain = [f"{adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS]
    titles = [*random.sample(plain, SHOWS - 3), *random.sample(ODD_TITLES, 3)]
    random.shuffle(titles)
    return [_show(random, f"s{number}", title, platform) for number, title in enumerate(titles, 1)]


def _show(random: Random, show_id: str, title: str, platform: str) -> bytes:
    is_movie = random.random() < 0.5
    year = random.randint(2016, 2024)
    return msgspec.json.encode(
        {
            "show_id": show_id,
            "cast": ", ".join(_name(random) for _ in range(random.randint(1, 6))) if random.random() < 0.8 else None,
            "country": random.choice(PRODUCED_IN),
            "date_added": f"{random.choice(_MONTHS)} {random.randint(1, 28)}, {year + random.randint(0, 2)}",
            "description": random.choice(DESCRIPTIONS),
            "director": _name(random) if random.random() < 0.7 else None,
            "duration": f"{random.randint(70, 190)} min" if is_movie else f"{random.randint(2, 6)} Seasons",
            "listed_in": ", ".join(random.sample(GENRES, 2)),
            "rating": random.choice(RATINGS),
            "release_year": year,
            "title": title,
            "type": "Movie" if is_movie else "TV Show",
            "platform": platform,
        }
    )


def _name(random: Random) -> str:
    return f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
