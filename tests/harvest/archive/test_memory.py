"""The memory in which a large run is finished."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.archive.raw import RawWriter
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.journal import Opened, Started, Stopped, Taken
from tests.harvest.web.serving import START_US

EVENTS, AT_ONCE = 300_000, 1_000
LIMIT_MB = 140

FINISH = """
import re, sys
from pathlib import Path
from metrics.harvest.archive.finish import finish
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.lock import lock_folder
with lock_folder(Folders(Path(sys.argv[1]))) as folders:
    report = finish(folders, sys.argv[2])
print(report.events, report.reports.users, re.search("VmHWM: *\\t*(.*) kB", Path("/proc/self/status").read_text())[1])
"""


def frame(number: int) -> bytes:
    """Return one of the events of 1,000 users."""
    date = f"07-12-2023 17:01:{number % 60:02}.{number * 7 % 1000:03}"
    show, user = {"show_id": f"s{number % 99}"}, {"id": number % 1_000, "first_name": "A"}
    shown = json.dumps({"show": show, "event_date": date, "user": user})
    return f"id:{number}\nevent:show-liked\ndata:{shown}\n\n".encode()


def recorded(folders: Folders) -> str:
    """Record a run of EVENTS; return its name."""
    run = folders.new_run(START_US)
    with ExitStack() as closing:
        journal = closing.enter_context(JournalWriter(folders.raw_run(run)))
        raw = closing.enter_context(RawWriter(folders.raw_run(run), STREAMS[0], 1))
        journal.append(
            [
                Started(at_us=START_US, run=run, seconds=20, name="B", times=3, frame_limit_bytes=1 << 20),
                Opened(at_us=START_US, stream=STREAMS[0], connection=1, requested_us=START_US),
            ]
        )
        for first in range(0, EVENTS, AT_ONCE):
            journal.append([Taken(at_us=START_US + first, stream=STREAMS[0], connection=1)] * AT_ONCE)
            raw.write(b"".join(map(frame, range(first, first + AT_ONCE))))
        journal.append([Stopped(at_us=START_US + 20_000_000, by="time")])
    return run


@pytest.mark.long
def test_a_run_of_300_000_events_is_finished_in_little_memory(tmp_path: Path) -> None:
    with lock_folder(Folders(tmp_path)) as folders:
        run = recorded(folders)
    command = [sys.executable, "-c", FINISH, str(tmp_path), run]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    events, users, peak_kb = map(int, printed.split())
    print(f"{peak_kb / 1024:.0f} MB")
    assert (events, users) == (EVENTS, 1_000)
    assert peak_kb < LIMIT_MB * 1024
