"""Cache of what the benchmark makes once: frames, environments, the folder of its broker."""

import os
from pathlib import Path

NAME = "frames-metrics-benchmark"


def folder(name: str) -> Path:
    """Return a folder of the cache, which is in XDG_CACHE_HOME, else in ~/.cache; it is created if missing."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / NAME / name
    path.mkdir(parents=True, exist_ok=True)
    return path
