"""The recount against the core, over histories by seed: it contradicts nothing that a job did, and all that it did not.

The histories hold disorder, wild timestamps, idle times, ends of the input, crashes and restarts.
"""

import random
from collections.abc import Callable

import pytest

from metrics.frames.records import Record
from metrics.frames.sizes import SECOND
from metrics.frames.verify.recount.findings import Findings, Kind
from tests.frames.core.simulation import Run
from tests.frames.core.test_simulation import live_through
from tests.frames.verify.audited import audited
from tests.reference import Sent

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute
HISTORIES = 600
FORGED = 150

Forgery = Callable[[list[Record], int], None]


def with_count(record: Record, difference: int) -> Record:
    if record.size is SECOND:
        return record._replace(number=record.number + difference, frames=record.frames + difference)
    return record._replace(number=record.number + difference)


def lower(records: list[Record], number: int) -> None:
    records[number] = with_count(records[number], -1)


def raise_count(records: list[Record], number: int) -> None:
    records[number] = with_count(records[number], 1)


def lower_with_its_average(records: list[Record], number: int) -> None:
    """Lower a count so that its own average bears it out."""
    lower(records, number)
    forged = records[number]
    counts = [at.number for at in records[: number + 1] if at.size is forged.size]
    records[number] = forged._replace(average=round(sum(counts) / len(counts), 3))


def change_average(records: list[Record], number: int) -> None:
    records[number] = records[number]._replace(average=records[number].average + 0.5)


def delete(records: list[Record], number: int) -> None:
    del records[number]


def double(records: list[Record], number: int) -> None:
    records.append(records[number])


def add(records: list[Record], number: int) -> None:
    records.append(records[number]._replace(start=records[-1].start + 86_400))


def test_an_audit_contradicts_nothing_that_a_job_did() -> None:
    compared = undecided = 0
    for seed in range(HISTORIES):
        findings = audited(live_through(seed))
        assert findings.agrees, (seed, findings.kept)
        compared += findings.compared.total()
        undecided += findings.counts[Kind.CLOSED_EARLY]
    assert compared > 10_000
    assert undecided > 10


def test_published_seconds_that_a_partition_added_later_has_frames_for_were_closed_early() -> None:
    #  partition 0   0 … 20 |                    closed to 15; idle time never closed anything
    #  partition 1          | added: 10          late for its second, counted for its minute
    run = Run({0: [Sent(T + second, "a") for second in range(21)], 1: [Sent(T + 10, "b")]}, lambda: False, first=1)
    run.batch(0, 21)
    run.commit()
    run.add_partition()
    run.batch(1, 1)
    run.end_for_good()
    run.check()
    findings = audited(run)
    assert findings.agrees
    assert [(kept.kind, kept.window) for kept in findings.kept] == [("closed early", T + 10)]
    assert findings.late_by_early_closing == 1


@pytest.mark.parametrize("forge", [lower, raise_count, lower_with_its_average, change_average, delete, double, add])
def test_an_audit_finds_every_forgery(forge: Forgery) -> None:
    for seed in range(FORGED):
        run = live_through(seed)
        if not run.kept:
            continue
        records = list(run.kept)
        forge(records, random.Random(seed).randrange(len(records)))
        if not any(at.size is SECOND and at.frames < 0 for at in records):
            assert not audited(run, records).agrees, seed


def test_a_difference_that_contradicts_is_listed_before_those_that_cannot_be_decided() -> None:
    findings = Findings(most=2)
    for window in range(3):
        findings.add(Kind.CLOSED_EARLY, "second", window)
    findings.add(Kind.DIFFERS, "second", 7)
    assert [(kept.kind, kept.window) for kept in findings.kept] == [(Kind.CLOSED_EARLY, 0), (Kind.DIFFERS, 7)]
    assert (findings.left_out, findings.contradictions) == (2, 1)
