"""The main job: clients, topics, saved state and loop put together, and put together anew after trouble."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from threading import Event
from time import monotonic
from traceback import clear_frames
from typing import NamedTuple

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from metrics.errors import BrokerError, DeniedError, FencedError, MetricsError
from metrics.frames.core.counter import Counter
from metrics.frames.core.state import State
from metrics.frames.job.listener import Watcher
from metrics.frames.job.lookout import Lookout
from metrics.frames.job.loop import BEAT_S, Loop
from metrics.frames.job.saved_state import Instance
from metrics.frames.job.start_state import Beginning, begin, saved_state
from metrics.frames.settings import Settings
from metrics.kafka import topics
from metrics.kafka.clients import open_admin, open_asker, open_consumer, open_transactional_producer
from metrics.kafka.job import standby
from metrics.kafka.job.limits import Load
from metrics.kafka.job.retry import Patience
from metrics.kafka.job.slowness import Pace
from metrics.kafka.job.source import Input
from metrics.kafka.job.transaction import Checkpoint, TransactionLostError
from metrics.kafka.job.watch import Watch, fenced, fenced_by
from metrics.kafka.offsets import extents
from metrics.kafka.topics import TopicsInUse

RequireBroker = Callable[[], None]

RETRY_S = 0.5
REBUILD_TIMEOUT_S = 15.0
# A process that took over has committed by then, if only that it did.
FENCED_LOOK_S = 5.0


class _Clients(NamedTuple):
    """What a run, or a try to begin one, works with."""

    admin: AdminClient
    consumer: Consumer
    in_use: TopicsInUse


class Job:
    """The main job, ready to run.

    Attributes:
        counter: the core; another one after trouble with the broker.
        source: the input; another one after trouble.
        instance_id: by which others see that it is this process that commits.
    """

    def __init__(self, settings: Settings, stopping: Event, require_broker: RequireBroker, *, is_forced: bool) -> None:
        self._require_broker = require_broker
        self._settings = settings
        self._stopping = stopping
        self._patience = Patience(settings.broker_timeout_s, stopping)
        self._pace = Pace()
        self._load = Load()
        self._instance = Instance.of_this_process(is_forced=is_forced)
        self.instance_id = self._instance.id
        self._ends: dict[int, int] | None = None
        self._checkpoint: Checkpoint | None = None
        self._turn: Callable[[], None] = lambda: None  # lets the watcher of a run see that it goes on
        self._clients: _Clients
        self._consumer: Consumer | None = None
        self._heard_at_s = monotonic()
        self._watch: Watch | None = None
        self.counter: Counter
        self.source: Input

    def start(self, tell: Callable[[str], None], take_over: Callable[[], None], *, waits: bool) -> bool:
        """Take over once no other instance is active, or at once; the user may want to stop before that.

        Trouble with the broker that may pass is waited out for as long as patience lasts.

        Args:
            tell: is given a line about each thing that is waited for.
            take_over: calls `open`, or `open_with_losses`.
            waits: whether another instance that is active is waited for.

        Returns:
            Whether it took over.

        Raises:
            FencedError: it does not wait, and another instance took over at the same time.
            MetricsError: it cannot begin.
        """
        self._patience.tell = tell
        while not self._stopping.is_set():
            self._heard_at_s = monotonic()
            try:
                if self._try_to_start(tell, take_over, waits=waits):
                    return True
            except DeniedError:
                raise
            except BrokerError as error:
                if not self._stopping.is_set():
                    self._patience.suffer(error, self._heard_at_s)
            except FencedError as error:
                if not waits:
                    raise
                tell(error.what)  # of two that waited, one has been faster
            self._patience.pause(RETRY_S)
        return False

    def _try_to_start(self, tell: Callable[[str], None], take_over: Callable[[], None], *, waits: bool) -> bool:
        self._require_broker()
        self.connect()
        if waits and self._wait_for_others(tell):
            self.connect()  # anew, since it may have waited for days
        if self._stopping.is_set():
            return False
        take_over()
        return True

    def _wait_for_others(self, tell: Callable[[str], None]) -> bool:
        """Wait until no other instance is active; returns whether one was."""
        with closing(open_asker(self._settings, self._settings.consumer_group_id)) as asker:
            look = partial(standby.other, asker, self._settings, self.instance_id)
            return standby.wait(look, self._stopping, self._hear, tell)

    def _hear(self) -> None:
        """Note that the broker answers."""
        self._heard_at_s = monotonic()
        self._patience.relieve()

    def connect(self) -> None:
        """Open all clients, and see that the topics are as they have to be.

        All are new: after a broker had hung, old ones were seen to wait for it long after it answered again.

        Raises:
            BrokerError: the broker does not answer.
            TopicError: a topic is missing, or would lose results.
        """
        self.close()
        self._consumer = open_consumer(self._settings)
        admin = open_admin(self._settings)
        self._clients = _Clients(admin, self._consumer, topics.check(admin, self._settings))

    def end_here(self) -> None:
        """Let the job stop at the end that the input has now, with every window closed."""
        admin, _, in_use = self._clients
        found = extents(admin, self._settings.input_topic, in_use.input_partitions)
        self._ends = {number: high for number, (_, high) in found.items()}

    def open(self) -> None:
        """Take over, and go on where the group stands.

        Raises:
            StateError: the state cannot be used, or something that it needs is gone.
            BrokerError: the broker does not answer.
            FencedError: another instance took over meanwhile.
        """
        try:
            self._open()
        except TransactionLostError as lost:
            raise self._given_up(lost) from None

    def open_with_losses(self) -> list[str]:
        """Take over, and go on where the group stands, without what is gone; returns what that is, a line each."""
        try:
            self._take_over()
            beginning = self._begin()
            self.counter = self._rebuilt(beginning.state)
            missing = self.counter.write_off()
            self._go_on(beginning.state)
        except TransactionLostError as lost:
            raise self._given_up(lost) from None
        return (
            [*beginning.losses, f"frames of open windows that are gone: {missing:,}"] if missing else beginning.losses
        )

    def _open(self) -> None:
        self._take_over()
        state = self._begin().accepted()
        self.counter = self._rebuilt(state)
        self._go_on(state)

    def _begin(self) -> Beginning:
        admin, consumer, in_use = self._clients
        return begin(admin, consumer, self._settings, in_use)

    def _rebuilt(self, state: State) -> Counter:
        assert self._checkpoint is not None
        announce = partial(self._checkpoint.announce, state)

        def beat() -> None:
            announce()
            self._turn()

        return rebuilt(self._clients.consumer, self._settings, state, beat)

    def _take_over(self) -> None:
        """Fence the instance that was active. From then on nobody but this one can change the state."""
        _, consumer, in_use = self._clients
        batch_bytes = min(limits.size_bytes for limits in in_use.limits.values())
        producer = open_transactional_producer(self._settings, batch_bytes)
        self._checkpoint = Checkpoint(
            producer, consumer, self._settings, in_use, self._patience, self._pace, self._instance
        )

    def _go_on(self, state: State) -> None:
        """Read on from the state that the core was rebuilt from."""
        assert self._checkpoint is not None
        admin, consumer, in_use = self._clients
        self.counter.resume()
        self._checkpoint.announce(self.counter.state())
        positions = {number: partition.position for number, partition in state.partitions.items()}
        self.source = Input(consumer, self._settings.input_topic, positions, self._ends)
        self._watch = Watch(admin, consumer, self._settings, in_use.input_id, len(positions), self.instance_id)

    def run(self, watcher: Watcher) -> None:
        """Count until it is stopped, or to the end that was given; then commit.

        Where a transaction is lost, the job goes back to the last commit and on from there: on a doubt, nothing is
        committed across it.

        Raises:
            BrokerError: trouble lasted for too long.
            FencedError: another instance has taken over.
        """
        self._patience.tell = self._pace.tell = watcher.troubled
        lookout = Lookout(self._settings, watcher.troubled)
        self._turn = partial(watcher.read, 0, 0.0)
        while True:
            assert self._checkpoint is not None
            assert self._watch is not None
            loop = Loop(
                self.source,
                self._watch,
                self.counter,
                self._checkpoint,
                self._load,
                watcher,
                lookout,
                self._stopping,
                self._settings,
            )
            try:
                loop.run()
            except TransactionLostError as lost:
                watcher.rewound()
                self._load.lost(loop.uncommitted_frames)
                self._recover(lost)
            except BrokerError as error:
                watcher.rewound()
                self._recover(TransactionLostError(error, is_fenced=False))
            else:
                return

    def _recover(self, lost: TransactionLostError) -> None:
        """Open everything anew, from the last commit, for as long as patience lasts."""
        began_s, trouble = monotonic(), lost.cause
        _let_go(lost)
        while True:
            try:
                self._require_broker()
                if lost.is_fenced:
                    self._see_who_is_active()
                self._patience.suffer(trouble)
                self.connect()
                self._open()
            except TransactionLostError as again:
                lost, trouble = again, again.cause
                _let_go(lost)
                self._patience.pause(RETRY_S)
            except BrokerError as error:
                if error is not trouble:
                    trouble = _after(lost.cause, error)
                self._patience.suffer(trouble)
                self._patience.pause(RETRY_S)
            else:
                self._patience.tell(
                    f"went back to the last commit, and on from there, after {monotonic() - began_s:.1f} s"
                )
                return

    def _see_who_is_active(self) -> None:
        """Tell another instance that took over from a broker that gave up on our transaction.

        Raises:
            FencedError: another instance is active.
        """
        consumer = open_consumer(self._settings)
        give_up_s = monotonic() + FENCED_LOOK_S
        try:
            while monotonic() < give_up_s and not self._stopping.is_set():
                saved = saved_state(consumer, self._settings.input_topic, 1)
                if saved is not None and saved.instance.id != self.instance_id:
                    raise fenced_by(self._settings, saved.instance)
                self._patience.pause(RETRY_S)
        finally:
            consumer.close()

    def _given_up(self, lost: TransactionLostError) -> MetricsError:
        return fenced(self._settings, lost.cause.why) if lost.is_fenced else lost.cause

    def close(self) -> None:
        """Take back what is not committed, and close the clients."""
        if self._checkpoint is not None:
            self._checkpoint.close()
        if self._consumer is not None and (self._watch is None or self._watch.leave()):
            self._consumer.close()
        self._consumer = self._watch = None


def _let_go(error: BaseException | None) -> None:
    """Free what an error came through: its frames hold the clients of a run that is over, with threads and handles."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _after(first: BrokerError, error: BrokerError) -> BrokerError:
    """Return a new error, of what the later of two tells, and of the first: that says little of a broker that is away.

    New, since one that was raised holds the frames that it came through, and these hold clients.
    """
    before = "" if error.what == first.what else f"before that, {first.what}: {first.why}"
    return type(error)(error.what, why="\n".join(filter(None, (error.why, before))), now=error.now)


@contextmanager
def prepared(
    settings: Settings, stopping: Event, require_broker: RequireBroker = lambda: None, *, is_forced: bool = False
) -> Iterator[Job]:
    """Give the main job, which has not begun, and close its clients at the end.

    Args:
        stopping: set when the user wants to stop.
        require_broker: raises an error where the broker is known to be gone for good, so that nothing is waited for.
        is_forced: whether it begins without waiting for an instance that is active.
    """
    job = Job(settings, stopping, require_broker, is_forced=is_forced)
    try:
        yield job
    finally:
        job.close()


def rebuilt(consumer: Consumer, settings: Settings, state: State, beat: Callable[[], None]) -> Counter:
    """Rebuild the open windows of a saved state from the log, from each low-water mark to its position.

    Args:
        beat: called at once and every BEAT_S seconds, for it may take long: it lets all see that this instance lives.
    """
    beat()
    counter = Counter(state, settings.rules(), gap_limit_s=settings.gap_limit_s, now_s=monotonic())
    if not state.needs_frames():
        return counter
    starts = {number: partition.low_water for number, partition in state.partitions.items()}
    positions = {number: partition.position for number, partition in state.partitions.items()}
    source = Input(consumer, settings.input_topic, starts, positions)
    heard_at_s = beaten_at_s = monotonic()
    while not source.has_ended():
        for message in source.batch():
            counter.partitions[message.partition()].rebuild(message)
            source.pass_by(message.partition(), message.offset())
            heard_at_s = monotonic()
        if monotonic() - beaten_at_s >= BEAT_S:
            beat()
            beaten_at_s = monotonic()
        if monotonic() - heard_at_s > REBUILD_TIMEOUT_S:
            raise BrokerError(
                "the frames of the open windows cannot be read again",
                why=f"nothing came of {settings.input_topic} for {REBUILD_TIMEOUT_S:.0f} s",
            )
    return counter
