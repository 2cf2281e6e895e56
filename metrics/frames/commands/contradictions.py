"""Options that contradict each other."""

from collections.abc import Mapping

from metrics.wording.errors import SettingsError


def refuse(contradictions: Mapping[tuple[str, str], str], given: Mapping[str, bool], example: str) -> None:
    """Check that no two of the given options contradict each other.

    Args:
        contradictions: pairs of options, and why they do.
        given: for each option, whether it is given.
        example: a command with one of them.

    Raises:
        SettingsError: two of them do.
    """
    for (one, other), why in contradictions.items():
        if given[one] and given[other]:
            raise SettingsError(
                f"{one} and {other} contradict each other", why=why, hint=f"use one of them, for example: {example}"
            )
