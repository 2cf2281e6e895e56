"""The page and the API of frames."""
