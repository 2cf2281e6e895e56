"""Sets a group to read from elsewhere: worked out first, and then done."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec
from confluent_kafka import Consumer

from metrics.errors import StateError
from metrics.frames.core.state import Rules, State, Tally
from metrics.frames.core.windows import SECOND_S
from metrics.frames.reset import commit
from metrics.frames.reset.replay import Rereading
from metrics.frames.reset.state import NEVER, Stretch, Stretches, WindowCounts, closed_through, first_open
from metrics.frames.reset.target import Since, Target, goals
from metrics.frames.settings import Settings
from metrics.frames.status.facts import Activity, InstanceStatus, Seen
from metrics.frames.status.observe import look
from metrics.kafka import topics
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.offsets import Extent, extents
from metrics.kafka.topics import TopicsInUse
from metrics.times import MINUTE_S, Moment


class Move(msgspec.Struct):
    """How one partition moves: offsets that were read and will be again, and those that never will be."""

    partition: int
    position: int
    new_position: int
    read_again: int
    skipped: int


class Plan(msgspec.Struct):
    """What a reset does; its names are part of what users see.

    Attributes:
        to: where the group is set.
        lost: frames of open windows, or held, that are given up.
        closed_through: windows that end at or before it stay as they are; null where none is.
        published_again: windows that the outputs hold, and that are published once more when their frames are read.
        published_first: how many of those published then the outputs do not hold; null where that is not known.
        never_published: windows that are not published, and never will be; those without frames are among them.
        twice: the topics that will hold records a second time, and at most how many; null where that is not known.
        is_whole: whether the topic holds all frames that were read; else counters of late and rejected frames begin
            anew.
        has_other_averages: the outputs lack windows that were published; averages go on from what the frames say.
        has_changes: false where the group stands there already.
        is_done: whether it was done.
    """

    group: str
    topic: str
    to: str
    instance: InstanceStatus
    partitions: list[Move]
    read_again: int
    skipped: int
    lost: int
    closed_through: Moment | None
    published_again: Stretches
    published_first: WindowCounts | None
    never_published: Stretches
    twice: dict[str, int | None]
    is_whole: bool
    has_other_averages: bool
    has_changes: bool
    is_done: bool = False


class Reset:
    """A reset of one group, to be worked out, and then done.

    Attributes:
        frames: about how many frames are read to work it out, at the most.
    """

    def __init__(
        self,
        consumer: Consumer,
        settings: Settings,
        in_use: TopicsInUse,
        seen: Seen,
        held: Mapping[int, Extent],
        target: Target,
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._in_use = in_use
        self._seen = seen
        self._before = self._after = seen.state
        self._positions = {number: at.position for number, at in seen.state.partitions.items()}
        self._lows = {number: at.low for number, at in held.items()}
        self._target = target
        self._goals = goals(target, seen.topic, held, self._positions, closed_through(seen.state))
        self._rereading = Rereading(consumer, settings, in_use, seen.state, held)
        skipped = sum(max(0, self._goals[number] - at) for number, at in self._positions.items())
        self.frames = skipped + (self._rereading.frames_back() if self._goes_back() else 0)

    def _goes_back(self) -> bool:
        return isinstance(self._target, Since) or any(self._goals[n] < at for n, at in self._positions.items())

    def work_out(self, on_progress: Callable[[int], None]) -> Plan:
        """Find the state that the group is to have, and tell what follows from it.

        Raises:
            StateError: frames are gone that open windows need.
            BrokerError: the topics cannot be read.
        """
        state, rereading = self._before, self._rereading
        rereading.report_to(on_progress)
        if self._goes_back():
            ends = {n: max(self._lows[n], min(self._goals[n], at)) for n, at in self._positions.items()}
            state = rereading.back(ends, self._target.second if isinstance(self._target, Since) else NEVER)
        if any(self._goals[number] > at for number, at in self._positions.items()):
            state = rereading.ahead(state, self._goals)
        if state != self._before:
            state = rereading.as_published(state)
        self._after = state
        return self._plan(rereading.first_published(state))

    def _plan(self, published_first: WindowCounts | None) -> Plan:
        before, after, seen = self._before, self._after, self._seen
        moves = [_move(number, at, after.partitions[number].position) for number, at in self._positions.items()]
        again = Stretches(self._published_again(SECOND_S), self._published_again(MINUTE_S))
        read_again = sum(move.read_again for move in moves)
        return Plan(
            seen.group,
            seen.topic,
            str(self._target),
            InstanceStatus(seen.instance_id, seen.activity),
            moves,
            read_again,
            sum(move.skipped for move in moves),
            max(0, _tally(after).lost - _tally(before).lost),
            Moment.of(through) if (through := closed_through(after)) else None,
            again,
            published_first,
            Stretches(self._never_published(SECOND_S), self._never_published(MINUTE_S)),
            self._twice(again, read_again),
            self._rereading.is_whole,
            self._rereading.has_other_averages,
            after != before,
        )

    def _published_again(self, size_s: int) -> Stretch | None:
        there, through = self._rereading.there[size_s], closed_through(self._after)
        start = through - through % size_s
        windows, last = there.all().windows - there.before(start).windows, there.all().last
        return Stretch(Moment.of(start) if start else None, Moment.of(last), windows) if windows else None

    def _never_published(self, size_s: int) -> Stretch | None:
        """Return what is skipped now; of a stretch that was skipped before, nothing is said again."""
        end = closed_through(self._after)
        if end <= closed_through(self._before):
            return None
        stays = self._rereading.there[size_s].before(end)
        start = stays.last + size_s if stays.windows else first_open(self._before)
        return Stretch.between(start - start % size_s, end, size_s)

    def _twice(self, again: Stretches, read_again: int) -> dict[str, int | None]:
        """Return the topics that will hold records twice, and how many."""
        settings, twice = self._settings, dict[str, int | None]()
        if again.seconds is not None:
            twice[settings.sec_metrics_output_topic] = again.seconds.windows
        if again.minutes is not None:
            twice[settings.min_metrics_output_topic] = again.minutes.windows
        rejected = sum(_tally(self._before).rejected.values()) - sum(_tally(self._after).rejected.values())
        if read_again and (rejected > 0 or not self._rereading.is_whole):
            twice[settings.rejected_topic] = rejected if self._rereading.is_whole else None
        if read_again and settings.output_stream is not None:
            twice[settings.output_stream] = read_again
        return twice

    def require_no_instance(self) -> None:
        """See that nobody counts for the group.

        Raises:
            FencedError: an instance is active.
        """
        commit.require_inactive(self._seen)

    def execute(self) -> None:
        """Commit offsets and state in one transaction.

        Raises:
            FencedError: an instance has begun since it was worked out; nothing is changed.
            BrokerError: the broker does not answer, or refuses.
        """
        commit.commit(self._consumer, self._settings, self._in_use, self._seen, self._after)


def _move(number: int, position: int, new: int) -> Move:
    return Move(number, position, new, max(0, position - new), max(0, new - position))


def _tally(state: State) -> Tally:
    total = Tally()
    for partition in state.partitions.values():
        total.add(partition.tally)
    return total


@contextmanager
def opened(settings: Settings, target: Target) -> Iterator[Reset]:
    """Open a reset of the group as it stands now.

    Raises:
        SettingsError: the partitions have no such place.
        StateError: the group has no state that could be reset, has one by other rules, or its topic was made anew.
        MetricsError: the broker or a topic does not let it begin.
    """
    seen = look(settings)
    if seen.activity is Activity.NEVER_RAN:
        raise StateError(
            f"the group {settings.consumer_group_id} has no state: there is nothing to reset",
            why="it never ran, or the broker forgot its offsets (offsets.retention.minutes)",
            now="a run begins with the first frame that the topic holds: python app.py",
        )
    if not seen.is_same_topic:
        raise StateError(
            f"the topic {seen.topic} was deleted and made anew; the group's offsets are of the one before",
            now="to begin with the frames of the new one: python app.py --accept-loss",
        )
    _require_same_rules(seen.state.rules, settings.rules())
    admin = open_admin(settings)
    in_use = topics.check(admin, settings)
    held = extents(admin, seen.topic, len(seen.state.partitions))
    consumer = open_reader(settings)
    try:
        yield Reset(consumer, settings, in_use, seen, held, target)
    finally:
        consumer.close()


def _require_same_rules(by: Rules, now: Rules) -> None:
    """See that the frames before a reset would be judged again as they were.

    Raises:
        StateError: they would not.
    """
    otherwise = "count anew with another CONSUMER_GROUP_ID and other topics"
    why = "windows would not be as they were published, so what a reset does cannot be told"
    if by.version != now.version:
        raise StateError("the group's frames were judged by an earlier version of this program", why=why, now=otherwise)
    if by != now:
        raise StateError(
            f"the group's frames were judged by {by}, and would be by {now}",
            why=why,
            now=f"reset it by its own: {by} python app.py reset-offsets …\nor {otherwise}",
        )
