"""The main job: clients, topics, saved state and loop put together, and put together anew after trouble."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from time import monotonic

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from metrics.errors import BrokerError, FencedError, MetricsError
from metrics.frames.counter import Counter
from metrics.frames.state import State
from metrics.kafka import standby, topics
from metrics.kafka.checkpoint import Checkpoint, TransactionLostError
from metrics.kafka.clients import open_admin, open_consumer, open_transactional_producer
from metrics.kafka.extents import extents
from metrics.kafka.input import Input
from metrics.kafka.load import Load
from metrics.kafka.loop import BEAT_S, Loop
from metrics.kafka.pace import Pace
from metrics.kafka.patience import Patience
from metrics.kafka.resuming import begin, saved_state
from metrics.kafka.topics import TopicsInUse
from metrics.kafka.watch import Watch, fenced
from metrics.kafka.watcher import Watcher
from metrics.settings import Settings

RequireBroker = Callable[[], None]

RETRY_S = 0.5
REBUILD_TIMEOUT_S = 15.0
# A process that took over has committed by then, if only that it did.
FENCED_LOOK_S = 5.0


class Job:
    """The main job, ready to run.

    Attributes:
        counter: the core; another one after trouble with the broker.
        source: the input; another one after trouble.
        instance_id: by which others see that it is this process that commits.
    """

    def __init__(
        self,
        settings: Settings,
        admin: AdminClient,
        in_use: TopicsInUse,
        stopping: Event,
        require_broker: RequireBroker,
    ) -> None:
        self._require_broker = require_broker
        self._settings = settings
        self._admin = admin
        self._consumer = open_consumer(settings)
        self._in_use = in_use
        self._stopping = stopping
        self._patience = Patience(settings.broker_timeout_s, stopping)
        self._pace = Pace()
        self._load = Load()
        self.instance_id = secrets.token_hex(4)
        self._ends: dict[int, int] | None = None
        self._checkpoint: Checkpoint | None = None
        self.counter: Counter
        self.source: Input

    def stand_by(self, tell: Callable[[str], None], take_over: Callable[[], None]) -> bool:
        """Wait until no other instance is active, then take over; or until the user wants to stop.

        Trouble with the broker is borne, also while taking over. Returns whether it took over.
        """
        self._patience.tell = tell
        told: set[str] = set()

        def tell_once(line: str) -> None:
            if line not in told:
                tell(line)
                told.add(line)

        while not self._stopping.is_set():
            consumer = open_consumer(self._settings)
            try:
                standby.wait(consumer, self._settings, self._stopping, self._patience.relieve, tell_once)
                if self._stopping.is_set():
                    return False
                take_over()
            except BrokerError as error:
                self._patience.suffer(error)
                self._patience.pause(RETRY_S)
            except FencedError as error:  # of two that stood by, one has been faster
                tell_once(error.what)
            else:
                return True
            finally:
                consumer.close()
        return False

    def end_here(self) -> None:
        """Let the job stop at the end that the input has now, with every window closed."""
        found = extents(self._admin, self._settings.input_topic, self._in_use.input_partitions)
        self._ends = {number: high for number, (_, high) in found.items()}

    def open(self) -> None:
        """Take over, and go on where the group stands.

        Raises:
            StateError: the state cannot be used, or something that it needs is gone.
            BrokerError: the broker does not answer.
        """
        try:
            self._open()
        except TransactionLostError as lost:
            raise self._given_up(lost) from None

    def open_with_losses(self) -> list[str]:
        """Take over, and go on where the group stands, without what is gone; returns what that is, a line each."""
        try:
            self._take_over()
            beginning = begin(self._admin, self._consumer, self._settings, self._in_use)
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
        state = begin(self._admin, self._consumer, self._settings, self._in_use).accepted()
        self.counter = self._rebuilt(state)
        self._go_on(state)

    def _rebuilt(self, state: State) -> Counter:
        assert self._checkpoint is not None
        return rebuilt(self._consumer, self._settings, state, partial(self._checkpoint.announce, state))

    def _take_over(self) -> None:
        """Fence the instance that was active. From then on nobody but this one can change the state.

        All clients are new: after a broker had hung, old ones were seen to wait for it long after it answered again.
        """
        self.close()
        self._consumer = open_consumer(self._settings)
        self._admin = open_admin(self._settings)
        self._in_use = topics.check(self._admin, self._settings)
        batch_bytes = min(limits.size_bytes for limits in self._in_use.limits.values())
        producer = open_transactional_producer(self._settings, batch_bytes)
        self._checkpoint = Checkpoint(
            producer, self._consumer, self._settings, self._in_use, self._patience, self._pace, self.instance_id
        )

    def _go_on(self, state: State) -> None:
        """Read on from the state that the core was rebuilt from."""
        assert self._checkpoint is not None
        self.counter.resume()
        self._checkpoint.announce(self.counter.state())
        positions = {number: partition.position for number, partition in state.partitions.items()}
        self.source = Input(self._consumer, self._settings.input_topic, positions, self._ends)
        self._watch = Watch(self._admin, self._settings, self._in_use.input_id, len(positions), self.instance_id)

    def run(self, watcher: Watcher) -> None:
        """Count until it is stopped, or to the end that was given; then commit.

        Where a transaction is lost, the job goes back to the last commit and on from there: on a doubt, nothing is
        committed across it.

        Raises:
            BrokerError: trouble lasted for too long.
            FencedError: another instance has taken over.
        """
        self._patience.tell = self._pace.tell = watcher.troubled
        while True:
            assert self._checkpoint is not None
            loop = Loop(
                self.source,
                self._watch,
                self.counter,
                self._checkpoint,
                self._load,
                watcher,
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
        began_s = monotonic()
        while True:
            try:
                self._require_broker()
                if lost.is_fenced:
                    self._see_who_is_active()
                self._patience.suffer(lost.cause)
                self._open()
            except TransactionLostError as again:
                lost = again
                self._patience.pause(RETRY_S)
            except BrokerError as error:
                self._patience.suffer(error)
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
                    raise fenced(self._settings, f"instance {saved.instance.id} has committed since")
                self._patience.pause(RETRY_S)
        finally:
            consumer.close()

    def _given_up(self, lost: TransactionLostError) -> MetricsError:
        return fenced(self._settings, lost.cause.why) if lost.is_fenced else lost.cause

    def close(self) -> None:
        """Take back what is not committed, and close the clients."""
        if self._checkpoint is not None:
            self._checkpoint.close()
        self._consumer.close()


@contextmanager
def prepared(settings: Settings, stopping: Event, require_broker: RequireBroker = lambda: None) -> Iterator[Job]:
    """Give the main job, its topics checked, and close its clients at the end.

    Args:
        stopping: set when the user wants to stop.
        require_broker: raises an error where the broker is known to be gone for good, so that nothing is waited for.

    Raises:
        MetricsError: the broker or a topic does not let the job begin.
    """
    admin = open_admin(settings)
    in_use = topics.check(admin, settings)
    job = Job(settings, admin, in_use, stopping, require_broker)
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
