"""Options that several commands of views have."""

from typing import Annotated

import typer

PORT = 6066  # of the original

UntilEnd = Annotated[bool, typer.Option("--until-end", help="Stop at the current end of the topic.")]
TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Take over from an active instance at once instead of waiting.")
]
Standby = Annotated[bool, typer.Option("--standby", help="If another instance takes over, continue as a standby.")]
AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="Continue even if events that were never counted are gone.")
]
