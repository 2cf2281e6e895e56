"""Options that choose dead letters."""

from typing import Annotated

import typer

from metrics.frames.core.frame import Reason

Reasons = Annotated[
    list[Reason] | None,
    typer.Option(
        "--reason",
        metavar="REASON",
        help=f"Only those with this reason; may be repeated: {', '.join(Reason)}.",
        show_default="all",
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Only those with a Kafka timestamp from here on: 2016-07-11T13:39:00Z, -1h, or epoch seconds. It is the "
        "frame's own, unless the dead letter topic has LogAppendTime.",
    ),
]
End = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only those with a timestamp before this.")]
