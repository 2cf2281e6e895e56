"""An audit of what the simulated core did, without Kafka."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from metrics.frames.core.state import State
from metrics.frames.records import Record, Strays, in_order, read_record
from metrics.frames.sizes import SIZES, Size
from metrics.frames.verify.recount.audit import Outputs, audit
from metrics.frames.verify.recount.findings import Findings
from metrics.frames.verify.recount.judge import PartitionJudge, Received
from metrics.frames.verify.recount.rejected import RejectedRecords
from metrics.time.moments import ALL_TIME, Range
from tests.frames.core.message import message, read_frame
from tests.frames.core.simulation import GAP_LIMIT_S, Run
from tests.reference import Timeline


def audited(
    run: Run,
    records: Sequence[Record] | None = None,
    *,
    asked: Range = ALL_TIME,
    whole_from: int = 0,
    is_settled: bool = True,
) -> Findings:
    """Audit what a run committed, or other records in place of those that it published.

    Args:
        whole_from: the second from which on the input is taken to be whole.
    """
    state = msgspec.json.decode(run.committed, type=State)
    rejected = RejectedRecords(state)
    for partition, frames in run.rejected.items():
        for frame, rejection, ts, event_time in frames:
            times = (None if time_s < 0 else time_s for time_s in (ts, event_time))
            rejected.add(partition, frame.offset(), str(rejection.reason), *times)
    findings = Findings()
    judges = [
        PartitionJudge(
            number,
            received(run.partitions[number][: saved.position]),
            state.rules,
            rejected.hints(number, saved),
        ).judged()
        for number, saved in state.partitions.items()
    ]
    outputs = published(run.kept if records is None else records)
    audit(
        state,
        judges,
        outputs,
        rejected,
        findings,
        asked=asked,
        whole_from=whole_from,
        gap_limit_s=GAP_LIMIT_S,
        is_complete=whole_from == 0,
        is_settled=is_settled,
    )
    return findings


def received(timeline: Timeline) -> Iterator[Received]:
    """Yield the records of a partition."""
    for offset, sent in enumerate(timeline):
        read = read_frame(message(offset, *sent).value())
        yield Received(offset, read, sent.recorded_at_s)


def published(records: Sequence[Record]) -> Mapping[Size, Outputs]:
    """Return records as their topics give them back."""
    return {size: outputs(size, records) for size in SIZES}


def outputs(size: Size, records: Sequence[Record]) -> Outputs:
    """Return the records of one size as their topic gives them back."""
    read = [read_record(size, at.key.encode(), at.value(), "") for at in records if at.size is size]
    strays = Strays()
    strays.look_through(read)
    return Outputs(in_order(read), strays.by_start)
