"""The loop without a broker: what it calls, in which order, drawn as a timeline."""

from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import Rules, State
from metrics.frames.job.lookout import Lookout
from metrics.frames.job.loop import Loop
from metrics.frames.job.partitions import Partitions
from metrics.frames.settings import Settings
from metrics.kafka.job import commits as commits_module
from metrics.kafka.job.commits import Commits, TransactionLimit
from metrics.messages.interface import KafkaMessage
from tests.frames.core.message import message

T = 1468244340  # 2016-07-11T13:39:00Z
RULES = Rules(lateness_s=1, future_limit_s=3600)


class Recorded:
    """One partition, its batches, and the loop over them. What it calls is noted, in order."""

    def __init__(self, batches: list[Sequence[KafkaMessage]]) -> None:
        self.calls: list[str] = []
        self.batches = batches
        self.waited_s, self.paused, self.caught_up = 0.0, set[int](), dict[int, tuple[int, float]]()
        self.reached = {0: 0}
        self.partitions = 1

    # the input
    def batch(self, _: int) -> Sequence[KafkaMessage]:
        self.calls.append("poll")
        return self.batches.pop(0)

    def has_ended(self) -> bool:
        return not self.batches

    def ended(self) -> list[int]:
        return []

    def pass_by(self, partition: int, position: int) -> None:
        self.reached[partition] = position

    # questions to the broker
    def look(self, now_s: float) -> None: ...

    def end_offsets(self) -> list[Any]:
        return []

    def request_end_offsets(self, *_: object) -> None: ...

    def require_same_topic(self) -> None:
        self.calls.append("same topic?")

    # the sink
    def publish(self, record: Any) -> None:
        self.calls.append(f"publish {record.start - T}: {record.frames}")

    def reject(self, rejected: Any) -> None:
        self.calls.append(f"reject offset {rejected.message.offset()}: {rejected.rejection.reason}")

    def republish_valid(self, frames: list[KafkaMessage], rejected: list[Any]) -> None:
        self.calls.append(f"republish of {len(frames)} but {[each.message.offset() for each in rejected]}")

    def commit(self, state: State, *_: object) -> None:
        self.calls.append(
            f"commit position {state.partitions[0].position} restart {state.partitions[0].restart_offset}"
        )

    def retire(self, state: State, *_: object) -> None:
        self.calls.append(f"retire at {state.partitions[0].position}")

    def loop(self) -> Loop:
        counter = Counter(State.fresh({0: 0}, RULES), RULES, gap_limit_s=0, now_s=0)
        counter.resume()
        this: Any = self
        return Loop(
            source=this,
            counter=counter,
            sink=this,
            commits=Commits(TransactionLimit()),
            partitions=Partitions(counter, this, this, idle_s=10, align_s=10),
            monitor=this,
            lookout=Lookout(Settings(), lambda _: None),
            listeners=[],
            stopping=Event(),
        )


def test_a_batch_is_counted_republished_rejected_closed_and_committed_in_this_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    #  offset  0    1    2         3    |  4    5
    #  frame   a@0  b@1  no frame  c@3  |  d@4  e@0      lateness 1: c closes seconds 0 and 1, e counts for its minute
    monkeypatch.setattr(commits_module, "QUIET_COMMIT_S", 0.0)
    frames = [(0, "a"), (1, "b"), (0, ""), (3, "c"), (4, "d"), (0, "e")]
    messages = [message(offset, T + ts, uid, recorded_at_s=T + ts) for offset, (ts, uid) in enumerate(frames)]
    recorded = Recorded([messages[:4], messages[4:]])
    recorded.loop().run()
    assert recorded.calls == [
        "poll",
        "republish of 4 but [2]",
        "reject offset 2: empty_uid",
        "publish 0: 1",
        "publish 1: 1",
        "same topic?",
        "commit position 4 restart 0",
        "poll",
        "republish of 2 but []",
        "publish 3: 1",
        "publish 4: 1",
        "publish 0: 5",
        "same topic?",
        "retire at 6",
    ]


def test_very_many_windows_from_one_batch_go_into_several_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits_module, "MAX_RESULTS", 2)
    messages = [message(offset, T + offset, "a", recorded_at_s=T + offset) for offset in range(5)]
    recorded = Recorded([messages])
    recorded.loop().run()
    published = [call.split()[0] for call in recorded.calls if call.split()[0] in ("publish", "commit", "retire")]
    assert published == ["publish", "publish", "commit"] * 3 + ["retire"]


def test_a_heartbeat_is_due_when_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(commits_module, "monotonic", lambda: now_s[0])
    commits = Commits(TransactionLimit())
    now_s[0] = 101.9
    assert not commits.is_due(0)
    now_s[0] = 102.0
    assert commits.is_due(0)
    commits.messages = (
        1  # a position without results waits for 1.5 s, results for 0.02 s, while frames pour in for 0.25 s
    )
    commits.committed(102.0)
    commits.messages = 1
    now_s[0] = 103.4
    assert not commits.is_due(1)
    now_s[0] = 103.5
    assert commits.is_due(1)
    commits.results, now_s[0] = 1, 102.1
    assert commits.is_due(199)
    assert not commits.is_due(200)
    now_s[0] = 102.25
    assert commits.is_due(200)
