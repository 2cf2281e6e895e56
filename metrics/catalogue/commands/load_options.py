"""Options of `catalogue load`."""

from enum import StrEnum
from typing import Annotated

import typer

from metrics.catalogue.core.models import ModelName


class CollectorName(StrEnum):
    """Collectors, and formats for files whose names do not show them."""

    csv = "csv"
    json = "json"
    s3 = "s3"
    ftp = "ftp"
    http = "http"
    kafka = "kafka"


LoadedModel = Annotated[ModelName, typer.Option(help="What the records are.", show_default=False)]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        help="File, folder, pattern, `-`, or a URL: s3://, ftp://, ftps://, http://, https://, kafka://TOPIC. "
        "Compressed files (.gz, .xz, .zst, .zip) are unpacked.",
    ),
]
Collector = Annotated[
    CollectorName | None,
    typer.Option(help="csv or json if no suffix says so; otherwise as WHERE says.", show_default=False),
]
Snapshot = Annotated[
    bool, typer.Option("--snapshot", help="WHERE has all records there are: mark those missing from it as gone.")
]
MaxGone = Annotated[
    str | None,
    typer.Option(metavar="N|P%", help="With --snapshot: if more would be gone, load nothing.", show_default="10%"),
]
Strict = Annotated[bool, typer.Option("--strict", help="Load nothing if any record is wrong.")]
MaxRejected = Annotated[
    str | None,
    typer.Option(
        metavar="N|P%",
        help="If more records are wrong, load nothing.",
        show_default="10%; with --rejected-of, all may be",
    ),
]
RejectedOfLoad = Annotated[
    int | None, typer.Option(metavar="LOAD", help="Try the rejected records of a load again, instead of WHERE.")
]
TimeZone = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="Zone of times without an offset, which are wrong otherwise: Europe/Berlin."),
]
Again = Annotated[bool, typer.Option("--again", help="Load even if these bytes were the model's last load.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do all but keep it.")]
UntilEnd = Annotated[bool, typer.Option("--until-end", help="Of a topic: stop at its current end, not at Ctrl-C.")]
TakeOver = Annotated[
    bool,
    typer.Option("--take-over", help="Of a topic: take over from an active instance at once instead of waiting."),
]
AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="Of a topic: continue even if records that were never read are gone.")
]
