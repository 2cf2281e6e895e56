"""How many examples of a property are drawn."""

from hypothesis import settings

LONG = "long"


def examples(number: int) -> int:
    """Return the number of examples to draw: all of these with --long, a fifth otherwise."""
    return number if settings.get_current_profile_name() == LONG else number // 5
