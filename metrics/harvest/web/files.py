"""Files as answers."""

from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from metrics.web import reading

PART_BYTES = 64 << 10


def csv_answer(request: Request, path: Path) -> Response:
    """Return a file as an answer, sent in parts, as an attachment with its name.

    Args:
        path: of a file that can be read.
    """
    headers = reading.HEADERS | {
        "Content-Length": f"{path.stat().st_size}",
        "Content-Disposition": f'attachment; filename="{path.name}"',
    }
    if request.method == "HEAD":
        return Response(headers=headers, media_type="text/csv")
    return StreamingResponse(_parts(path), headers=headers, media_type="text/csv")


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part
