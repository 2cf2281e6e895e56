"""Forms of the parameters of queries, derived from their defaults."""

import re
from collections.abc import Iterator, Mapping

from metrics.catalogue.query.shipped import Parameter, ShippedQuery

MONTH = "^[12][0-9]{3}-(0[1-9]|1[0-2])$"
TEXT = r"^[^\u0000]*$"  # PostgreSQL cannot store a NUL


def pattern_of(parameter: Parameter) -> str:
    """Return the pattern of the values of a parameter that is not a time."""
    return MONTH if re.match(MONTH, parameter.default) else TEXT


def wrong(query: ShippedQuery, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the name of each value that has no parameter in the query, or another form, with the reason."""
    known = {parameter.name: parameter for parameter in query.parameters}
    for name, value in given.items():
        if name not in known:
            yield name, f"the query {query.name} has no such parameter"
        elif not known[name].is_time and not re.fullmatch(pattern_of(known[name]), value):
            yield name, f"Must be of the form of {known[name].default}"
