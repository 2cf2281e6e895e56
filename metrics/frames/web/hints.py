"""Commands that the page names where there is something to do."""

from metrics.frames.core.frame import NOT_REPUBLISHED, Reason
from metrics.frames.results.rejected import DeadLetter
from metrics.terminal.console import as_started

START = as_started("python app.py")
REJECTED = as_started("python app.py rejected")
REASONS = frozenset(map(str, Reason))


def of_letter(letter: DeadLetter, input_topic: str) -> tuple[str, str]:
    """Return the command about dead letters like this one, and what it does."""
    reason = letter.reason
    chosen = f" --reason {reason}" if reason in REASONS else ""
    show, replay = f"{REJECTED}{chosen}", f"{REJECTED} replay{chosen}"
    if letter.came_from.rpartition("/")[0] != input_topic:
        return show, f"Prints it. A replay never sends it: it is not a frame of {input_topic}."
    if reason in NOT_REPUBLISHED:
        return show, "Prints the whole record. A replay never sends it: the frame was counted, only not republished."
    if letter.kept_bytes < letter.size_bytes:
        return (
            show,
            "Prints its beginning. A replay never sends it: the dead letter topic did not accept the whole frame.",
        )
    if letter.replay_of is not None:
        again = "It was replayed, and rejected again, so only --again includes it. "
        return f"{replay} --again", again + _REPLAYS
    return replay, _LATE if reason == Reason.LATE else _REPLAYS


_REPLAYS = "Says which of these frames would count under the present settings; with --send, sends each of them once."
_LATE = (
    "Says which of the late frames would count now; with --send, sends each of them once. A frame whose windows are "
    "closed stays late: a greater LATENESS_S and reset-offsets would count it."
)
