"""Names and titles: made up, unique, and fixed for all seeds.

Beyond ASCII there are only letters that every lower() folds alike: É, Ö and the like, no ß, İ or Σ.
"""
# ruff: noqa: RUF001, SIM905  # real titles have the en dash; one word a line would be a page

FIRST_NAMES = (
    "Ada Amal Anton Birgit Bruno Carmen Chidi Clara Dario Dunja Edgar Elif Farah Felix Gita Goran Hana Hugo Ines Ivan "
    "Jonas Kaito Karim Leyla Linus Maeve Mina Nadia Nils Olga Omar Paula Quentin Rosa Selma Tariq Ulla Vera Zoé Örjan"
).split()
LAST_NAMES = (
    "Abara Amsel Bauer Brandt Castro Chen Diallo Dörfler Eklund Ertz Farkas Fiala Galvez Gruber Haddad Holm Ibarra Ito "
    "Jansen Kaya Kovac Lang Lindqvist Mbeki Moreau Naidu Novak Okafor Orban Pires Quist Rossi Sato Soto Tanaka Thorne "
    "Ueda Vidal Wójcik Zeman"
).split()
DOMAINS = ("amber-lane.example", "bluemill.example", "cove.example", "dunes-dale.example", "elm.example")
FORMS_OF_ADDRESS = ("", "Dr. ", "Ms. ", "Prof. ", "")
LANGUAGES = ("Thai", "Korean", "French", "Zulu", "Italian", "German", "Marathi", "Kazakh", "Hakka", "Tagalog")
PUBLISHERS = ("Anvil & Sons", "Birch House", "Canal Books", "D. Ferry", "Éditions du Pont", "Full Moon, Ltd")
WORDS = "acer amor bibo carus dies fuga humus iter lux mare nox pax quies rota silva terra umbra ventus vox".split()

SINGAPOREANS = "Singaporeans"
NATIONALITIES = (
    "Albanians Angolans Canadians Comorians Danes Dutch Egyptians Faroese Italians Kazakhs Liberians Maltese Peruvians "
    "Tongans Welsh"
).split()

# The movie of the outage, and four that are streamed at the edges of December only, or not at all.
OUTAGE_MOVIE = "Unforgiven"
UNSEEN_MOVIE = "The Unseen Reel"
NOVEMBER_MOVIE = "November Matinee"
CROSSING_MOVIE = "Midnight Crossing"
NEW_YEAR_MOVIE = "First Light"
RARE_MOVIES = (UNSEEN_MOVIE, NOVEMBER_MOVIE, CROSSING_MOVIE, NEW_YEAR_MOVIE)

_ADJECTIVES = ("Amber", "Blue", "Distant", "Golden", "Hollow", "Long", "Quiet", "Restless", "Silver", "Wild")
_PLACES = ("Bridge", "Canyon", "Harbour", "Island", "Meadow", "Orchard", "River", "Station", "Tower")

# What CSV quotes, a letter beyond ASCII, and numerals, as real titles have them.
MOVIE_TITLES = (
    OUTAGE_MOVIE,
    "The Lamp, the Ladder and the Lake",
    'The "Last" Waltz',
    "Épopée",
    "BÖLL·E",
    "2047: A Tide Odyssey",
    "Star Roads: Episode II – The Long Way",
    *[f"The {adjective} {place}" for adjective in _ADJECTIVES for place in _PLACES][:80],
    *RARE_MOVIES,
)
OTHER_MOVIE_TITLES = tuple(f"Return to the {place}" for place in _PLACES)  # reviewed, but not in the catalogue
BOOK_TITLES = (
    "O River!",
    "Moon, Moss and Marrow",
    "L'Été",
    "Ödland",
    "Of 1,001 Days",
    *(f"A {place} of {adjective} Light" for place in _PLACES for adjective in _ADJECTIVES),
    *(f"Beyond the {place}" for place in _PLACES),
)[:103]


def full_name(number: int) -> tuple[str, str]:
    """Return a first and a last name; 1,600 numbers in a row have different ones."""
    first, more = number % len(FIRST_NAMES), number // len(FIRST_NAMES)
    return FIRST_NAMES[first], LAST_NAMES[(more * 7 + first * 3) % len(LAST_NAMES)]


_LOCAL_PARTS = tuple(".".join(full_name(number)).lower() for number in range(len(FIRST_NAMES) * len(LAST_NAMES)))


def email(number: int) -> str:
    """Return an email address, a different one for each number."""
    again, name = divmod(number, len(_LOCAL_PARTS))
    return f"{_LOCAL_PARTS[name]}{again or ''}@{DOMAINS[number % len(DOMAINS)]}"


def author_name(number: int) -> str:
    """Return the name of an author; 1,600 numbers in a row have different ones."""
    return FORMS_OF_ADDRESS[number % len(FORMS_OF_ADDRESS)] + " ".join(full_name(number))
