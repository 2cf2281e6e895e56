"""The folder that contains `data/` and the local broker's folder."""

from contextlib import suppress
from pathlib import Path

_CODE = Path(__file__).resolve().parents[2]

IS_CLONE = (_CODE / "app.py").is_file()


def project_folder() -> Path:
    """Return the clone's folder, or the working folder if the package is installed."""
    if IS_CLONE:
        return _CODE
    with suppress(FileNotFoundError):  # it is gone
        return Path.cwd()
    return Path()
