"""What the tests of loads share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.load.catalogue import Catalogue, catalogue_in


@pytest.fixture
def catalogue(database_url: str, tmp_path: Path) -> Iterator[Catalogue]:
    """Give a catalogue in a database of the test's own."""
    with catalogue_in(database_url, tmp_path) as made:
        yield made
