"""Output of a replay: what was found, as a table and text."""

from metrics.frames.core.frame import Reason
from metrics.frames.rejected.fate import Fate
from metrics.frames.rejected.replay import Found
from metrics.frames.saved_state import SavedState
from metrics.frames.settings import Settings
from metrics.terminal.console import note, say
from metrics.terminal.tables import new_table, say_table
from metrics.wording.text import in_line


def show(found: Found, saved: SavedState | None, settings: Settings) -> None:
    """Print the dead letters by reason and fate, and what the numbers mean."""
    if not found:
        say(f"no dead letters in {settings.rejected_topic} to replay; `python app.py rejected` lists all")
        return
    table = new_table("reason", "frames", "sent", "now", texts=("reason", "now"))
    order = list(Fate)
    for (reason, fate), number in sorted(found.items(), key=lambda at: (at[0][0], order.index(at[0][1]))):
        table.add_row(in_line(reason), f"{number:,}", "yes" if fate.is_sent else "no", fate)
    say_table(table)
    if saved is None:
        note(f"the group {settings.consumer_group_id} has not counted yet, so no frame is late so far")
    elif saved.handover is not None:
        note("Flink counts for this group, so it is not known which frames are late")
    elif any(fate is Fate.LATE and reason != Reason.LATE for reason, fate in found):
        note(
            "late frames count if the group reads them again in their order, as long as the input topic has them: "
            "python app.py reset-offsets --to TIME"
        )
