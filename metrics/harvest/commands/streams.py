"""`harvest streams`: local streams, served in the foreground."""

import os
from typing import Annotated

import typer

from metrics.cli.reporting import stopping_on_signals
from metrics.harvest.core.event import STREAMS
from metrics.harvest.settings import StreamSettings
from metrics.terminal.console import as_started, say

PORT = 8080  # of the original streams


def streams(
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, metavar="N", help="Port to bind to; 0 picks a free one.")] = (
        PORT
    ),
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="The same seed gives the same messages, apart from their times.", show_default="random"
        ),
    ] = None,
    malformed: Annotated[
        float, typer.Option(min=0, max=1, metavar="P", help="Share of messages that are malformed.")
    ] = 0.02,
) -> None:
    """Serve simulated streams of Sytflix, Sytazon and Sysney on this machine, for `harvest` or any other client.

    Each sends a message every 0.1 to 1.9 seconds, as server-sent events. A client gets the messages sent after it
    connects; with the header Last-Event-ID, also those it missed.

    User and password come from `STREAM_USER` and `STREAM_PASSWORD`; both default to `sytac`. Only this machine can
    connect.

    Ctrl-C ends it with exit code 0.

    Example: `python app.py harvest streams --seed 1`, then `curl --user sytac:sytac http://127.0.0.1:8080/sytflix`
    """
    # The web server takes a third of a second to import, which the help need not wait for.
    from metrics.harvest.simulator.server import PASSWORD, USER, local_streams  # noqa: PLC0415

    elsewhere = "STREAM_ENDPOINT"  # names streams to read; this command serves some
    settings = StreamSettings.load({name: text for name, text in os.environ.items() if name != elsewhere})
    password = settings.stream_password or PASSWORD
    with (
        stopping_on_signals() as stopping,
        local_streams(
            seed=seed, malformed=malformed, port=port, user=settings.stream_user, password=password
        ) as endpoint,
    ):
        say(f"local streams at {endpoint.url}: {', '.join(STREAMS)}; seed {endpoint.seed}; Ctrl-C ends")
        shown = "…" if settings.stream_password else PASSWORD
        user = "" if endpoint.user == USER else f"STREAM_USER={endpoint.user} "
        variables = f"STREAM_ENDPOINT={endpoint.url} {user}STREAM_PASSWORD={shown}"
        say(f"to read them: {variables} {as_started('python app.py harvest')}")
        stopping.wait()
