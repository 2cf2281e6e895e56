"""Names and words of the simulated streams: made up, with letters beyond ASCII, and texts that are easily misread."""
# ruff: noqa: RUF001, SIM905  # texts have dashes and foreign letters; one word a line would be a page

FIRST_NAMES = (
    "Abel Åsa Beatriz Callum Dóra Emeka Fenna Gaspard Hedda Ilya Jiayi Keanu Lótus Marit Nolwenn Odile Pim Qiang "
    "Renske Søren Tamsin Umut Vesna Wout Xenia Yara Zoltán"
).split()
LAST_NAMES = (
    "Aalbers Bittencourt Čapek D'Arcy Elzinga Fjeldstad Guðmundsdóttir Hartono Ibáñez Jurgens Kowalczyk Lindegård "
    "Meulenbelt Nakamura O'Shea Petrov Quiroga Raaijmakers Suharto-Wind Tremblay Uítdewaal Veenstra Wattimena Xiang "
    "Ypma Żuraw"
).split()
GENDERS = ("Female", "Male", "Non-binary", "Genderfluid", None)
MAIL_HOSTS = ("polder.example", "wind-mill.example", "canal.example", "tulip.example")

# Most countries have a zone of their own in the rules; "NA" is Namibia, and None an unknown country.
COUNTRIES = ("PT", "CA", "US", "RU", "ID", "CN", "NL", "NA", None, "BR", "DE", "PT", "CA", "US", "RU", "CN", "CZ")
PRODUCED_IN = ("Netherlands", "Brazil, Portugal", "Canada, United States", "Indonesia", "Côte d'Ivoire", "Japan", None)

ADJECTIVES = ("Crooked", "Drowsy", "Electric", "Frozen", "Gentle", "Humming", "Île de la", "Last", "Salt", "Unread")
NOUNS = ("Barge", "Cartographer", "Dyke", "Ferry", "Għar", "Lantern", "Night Train", "Orchard", "Señor", "Weir")
# Commas, quotes, `data:`, and texts that look like missing values.
ODD_TITLES = (
    'The "Other" Ferry',
    "Bread, Butter, and Ämne",
    "data: A Love Story",
    "NaN",
    "null",
    "Æbler & Pærer: the Return",
)
GENRES = ("Dramas", "Crime TV Shows", "Comedies", "Documentaries", "Kids' TV", "Sci-Fi & Fantasy")
RATINGS = ("TV-MA", "TV-14", "PG-13", "R", "G", None)
# Each has a character of several bytes. Escaped line ends, U+2028 and NEL do not end a line of the stream.
DESCRIPTIONS = (
    "A ferryman – and his cat – refuse to cross the river.",
    "Two sisters inherit a café, a debt and a parrot; “none of them speaks”.",
    "Über die Brücke, and back again before the tide.",
    "First line.\nSecond line – and\ttabs.",
    "Before the separator\u2028after it; a next line\u0085here.",
    "\\u00e9 is not é, and data:{} is not data…",
    "Şehir, şarkı, sessizlik. 北京的秋天 in four parts. 🎬",
)
