"""Runs against very fast streams: the slow ones are heard, and memory stays flat."""

import json
import shutil
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest

from metrics.harvest.archive.journal import read_journal
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.journal import Taken
from tests.harvest.listening.apart import streams_apart
from tests.harvest.listening.harvested import harvest

EVERY_10_000TH_S = (0.0001, 0.0001)
A_SECOND = (1.0, 1.0)
SAMPLED = """
    import json, os, sys, threading
    from metrics.harvest.listening.run import Rule, run_harvest
    from metrics.harvest.settings import HarvestSettings

    samples, given, seconds = [], json.loads(sys.argv[1]), float(sys.argv[2])

    def sample(progress):
        if progress.report_share is not None:  # the run has stopped, and freed the keys
            return
        with open("/proc/self/statm") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        frames = sum(stream.frames for stream in progress.streams)
        samples.append((seconds - progress.seconds_left, frames, resident))

    run_harvest(HarvestSettings(**given), Rule(seconds, "nobody", 1), threading.Event(), sample)
    print(json.dumps(samples))
"""


@pytest.mark.slow
def test_a_stream_of_10_000_events_a_second_delays_no_slow_one(tmp_path: Path) -> None:
    gaps = {"sytflix": EVERY_10_000TH_S, "sytazon": A_SECOND, "sysney": A_SECOND}
    with streams_apart(gaps) as endpoint:
        harvested = harvest(endpoint, tmp_path, seconds=6)
    assert harvested.stream("sytflix").frames > 10_000
    journal = [*read_journal(harvested.folders.archive_run(harvested.report.run))]
    for stream in ("sytazon", "sysney"):
        assert harvested.stream(stream).frames >= 4
        taken = [entry.at_us for entry in journal if isinstance(entry, Taken) and entry.stream == stream]
        assert max(after - before for before, after in pairwise(taken)) < 1_800_000


@pytest.mark.long
def test_memory_is_flat_at_10_000_events_a_second(tmp_path: Path) -> None:
    """Only the keys by which repeats are found grow, by 94 bytes for each id; these frames have none."""
    third = (0.0003, 0.0003)
    with streams_apart(dict.fromkeys(STREAMS, third), ids="none") as endpoint:
        how = {"stream_endpoint": endpoint.url, "stream_password": endpoint.password, "harvest_dir": str(tmp_path)}
        program = [sys.executable, "-c", textwrap.dedent(SAMPLED), json.dumps(how), "60"]
        ended = subprocess.run(program, capture_output=True, text=True, timeout=600, check=True)
    shutil.rmtree(tmp_path)  # 700 MB
    samples = json.loads(ended.stdout)
    early, late = next(sample for sample in samples if sample[0] >= 20), samples[-1]
    print(f"{late[1]} events in {late[0]:.1f} s; {early[2] / 1e6:.1f} MB after 20 s, {late[2] / 1e6:.1f} MB at the end")
    assert late[1] - early[1] > 50_000
    assert late[2] - early[2] < 4_000_000
