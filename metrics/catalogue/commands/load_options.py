"""Options of `catalogue load`."""

from enum import StrEnum
from typing import Annotated

import typer

from metrics.catalogue.collect.sources import SCHEMES
from metrics.catalogue.commands.topic_options import SCHEME
from metrics.catalogue.core.models import ModelName
from metrics.catalogue.kafka_job import COLLECTOR
from metrics.catalogue.load.limits import DEFAULT

CollectorName = StrEnum("CollectorName", {name: name for name in (*SCHEMES, COLLECTOR)})  # type: ignore[misc]
_URLS = [*(f"{scheme}://" for schemes in SCHEMES.values() for scheme in schemes or ()), f"{SCHEME}TOPIC"]

LoadedModel = Annotated[ModelName, typer.Option(help="Model of the records.", show_default=False)]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        help=f"File, folder, pattern, `-`, or a URL: {', '.join(_URLS)}. "
        "Compressed files (.gz, .xz, .zst, .zip) are unpacked.",
    ),
]
Collector = Annotated[
    CollectorName | None,
    typer.Option(help="How to read WHERE, if that does not show it by its scheme or suffix.", show_default=False),
]
Snapshot = Annotated[
    bool, typer.Option("--snapshot", help="WHERE has every record of the model: mark rows missing from it as gone.")
]
MaxGone = Annotated[
    str | None,
    typer.Option(
        metavar="N|P%", help="With --snapshot: load nothing if more rows than this would be gone.", show_default=DEFAULT
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Load nothing if any record is wrong.")]
MaxRejected = Annotated[
    str | None,
    typer.Option(
        metavar="N|P%",
        help="Load nothing if more records than this are wrong.",
        show_default=f"{DEFAULT}; 100% with --rejected-of",
    ),
]
RejectedOfLoad = Annotated[
    int | None, typer.Option(metavar="LOAD", help="Instead of WHERE: try the rejected records of this load again.")
]
TimeZone = Annotated[
    str | None,
    typer.Option(
        metavar="ZONE", help="Time zone of times without an offset, such as Europe/Berlin; by default, they are wrong."
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Load even if the model's last load was of the same bytes.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do everything, then roll it back.")]
UntilEnd = Annotated[bool, typer.Option("--until-end", help="Topics only: stop at the current end of the topic.")]
TakeOver = Annotated[
    bool,
    typer.Option("--take-over", help="Topics only: fence an active instance at once instead of waiting for it."),
]
AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="Topics only: continue although records that were never read are gone.")
]
