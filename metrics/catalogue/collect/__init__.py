"""Collectors: where the bytes of a load come from. `sources` finds the sources, `Reading` reads them."""
