"""JSON as written, quoted in a message."""


def shown(written: bytes) -> str:
    """Return JSON as quoted in a message: as written, cut to 60 characters."""
    text = written[:240].decode(errors="ignore")  # 60 characters have at most 240 bytes
    return text if len(text) <= 60 and len(written) <= 240 else text[:59] + "…"
