"""Text as SQL takes it between single quotes."""


def quoted(text: str) -> str:
    """Return text for between single quotes, in which it may have some itself."""
    return text.replace("'", "''")
