"""`rejected replay`: sends dead letters to the input topic again, each once."""

from time import time
from typing import Annotated

import typer

from metrics.cli.time_options import Last
from metrics.cli.use_broker import use_broker
from metrics.frames.commands.rejected_options import End, Reasons, Start
from metrics.frames.rejected.letters import Wanted
from metrics.frames.rejected.replay import Found, LetterReplay, opened
from metrics.frames.rejected.text import show
from metrics.frames.settings import Settings
from metrics.terminal.console import say, warn
from metrics.terminal.progress import bar
from metrics.time.moments import range_of
from metrics.wording.text import numbered


def replay(
    *,
    reasons: Reasons = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also those that were replayed before, and rejected again.")
    ] = False,
    is_sent: Annotated[
        bool, typer.Option("--send", help="Send them. Without it, only say what would be sent.")
    ] = False,
) -> None:
    """Send rejected frames to the input topic again: those that would count now, each of them once.

    Frames that would be rejected again stay where they are: those that are still invalid, and those that are late at
    the group's present position. Frames that the group reads after that position may make more of them late.

    Key, bytes, partition and timestamp stay the same; a header `replay_of` says where the frame was in the input. The
    dead letter topic says which frames were replayed, so the same command again sends the rest, also after kill -9.

    Example: `python app.py rejected replay --reason wrong_ts --send`
    """
    wanted = Wanted(frozenset(reasons or ()), range_of(start, end, last, now_s=time()))
    with use_broker(Settings) as settings, opened(settings, sends=is_sent) as found:
        counts = _run(found, wanted, settings.rejected_topic, again=again)
        show(counts, found.saved, settings)
        to_send = sum(number for (_, fate), number in counts.items() if fate.is_sent)
        if is_sent:
            say(f"sent {numbered(found.sent, 'frame')} to {settings.input_topic}")
        elif to_send:
            say(f"nothing was sent; --send sends {numbered(to_send, 'frame')} to {settings.input_topic}")


def _run(found: LetterReplay, wanted: Wanted, topic: str, *, again: bool) -> Found:
    try:
        with bar(f"reading {topic}", found.offsets) as move:
            return found.run(wanted, move, with_returned=again)
    except BaseException:
        if found.sent:
            warn(f"interrupted after {numbered(found.sent, 'sent frame')}; the same command sends the rest")
        raise
