"""The raw file of a connection: its bytes, as received."""

from pathlib import Path

from metrics.harvest.archive.appended import AppendedFile
from metrics.harvest.archive.folders import raw_file


class RawWriter(AppendedFile):
    """The raw file of a new connection, in the folder of its run.

    Args:
        folder: `raw/RUN`.
        connection: its number in the stream, from 1.
    """

    def __init__(self, folder: Path, stream: str, connection: int) -> None:
        super().__init__(raw_file(folder, stream, connection))
