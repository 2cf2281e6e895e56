"""The page and the API of the catalogue."""
