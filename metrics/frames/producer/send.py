"""Feeding of frames into the input topic, at full speed or at a pace."""

from collections.abc import Callable, Iterable
from time import monotonic, sleep

from confluent_kafka import KafkaError, KafkaException, Message

from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.producer.pacing import Pace
from metrics.frames.producer.resume import HEADER, MARK_EVERY, FeedProgress, missing
from metrics.frames.producer.timestamps import Shift
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_gapless_producer
from metrics.kafka.errors import text_of
from metrics.wording.errors import BrokerError

# Longest time without an acknowledgement while frames are unacknowledged.
UNANSWERED_S = 30.0
LOOK_S = 0.1

# Errors of the frames after the one that failed.
_FOLLOWS = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._FATAL})

Headers = list[tuple[str, str | bytes | None]]


class Feed:
    """Feed of frames to the input topic, without keys, round robin over its partitions.

    Args:
        progress: where it begins.
        pace: due times of frames; None for full speed.
        shift: shifts their ts; None to leave them unchanged.

    Attributes:
        sent: number of frames handed to the client.
        sent_bytes: their total size.
    """

    def __init__(
        self, settings: Settings, progress: FeedProgress, pace: Pace | None = None, shift: Shift | None = None
    ) -> None:
        self.sent = self.sent_bytes = 0
        self._settings = settings
        self._topic = settings.input_topic
        self._progress = progress
        self._pace = pace
        self._shift = shift
        self._failed = 0
        self._problems: dict[str, None] = {}  # each once, in order of occurrence
        self._client_error = self._end_of_client = ""
        self._is_unanswered = False
        self._acknowledged_before = 0
        self._heard_s = self._look_s = monotonic()
        self._producer = open_gapless_producer(settings, MAX_FRAME_BYTES, self._note_error)

    @property
    def acknowledged(self) -> int:
        """Number of frames that the broker has acknowledged so far."""
        return self.sent - self._failed - len(self._producer)

    def run(self, frames: Iterable[bytes], on_progress: Callable[[], None]) -> None:
        """Send all frames that the topic lacks, and return once the broker has acknowledged each of them.

        However it ends, by an error or by Ctrl-C, each partition contains a prefix of its lines, without a gap.

        Args:
            frames: all lines of the feed, including those that the topic already has.
            on_progress: called every LOOK_S seconds while frames are sent, and at the end.

        Raises:
            BrokerError: the broker did not accept a frame, or acknowledged none for UNANSWERED_S seconds.
            StateError: the topic's content differs from the progress.
        """
        try:
            self._send(frames if self._shift is None else self._shift.moved(frames), on_progress)
        finally:
            self._settle()
        if self._problems or self._failed:
            raise BrokerError(
                f"the broker did not accept every frame for {self._topic}: "
                f"{self.acknowledged:,} of {self.sent:,} sent frames were acknowledged",
                why="\n".join([*self._problems][:3]),
            )
        on_progress()

    def _send(self, frames: Iterable[bytes], on_progress: Callable[[], None]) -> None:
        """Send frames until they end or one fails.

        The first frame of each partition must be acknowledged before the next is sent: from a producer that has not
        written to it yet, brokers accept any batch, even one that follows a refused batch.
        """
        partitions, firsts = self._progress.partitions, frozenset(self._progress.next_lines.values())
        marked_every = partitions * MARK_EVERY
        unproved: set[int] = set()
        for line, frame in missing(self._settings, self._progress, frames):
            now_s = monotonic()
            if now_s >= self._look_s:
                self._look(on_progress)
            if self._pace is not None:
                self._wait(self._pace.due_s(frame, now_s), on_progress)
            partition = line % partitions
            if unproved and partition in unproved:
                self._await_all()
                unproved.clear()
            if line in firsts:
                unproved.add(partition)
            is_marked = line in firsts or line % marked_every < partitions
            self._produce(frame, partition, self._mark(line) if is_marked else None)
            if self._problems:
                return

    def _wait(self, due_s: float, on_progress: Callable[[], None]) -> None:
        while not self._problems and (wait_s := due_s - monotonic()) > 0:
            sleep(min(wait_s, LOOK_S))
            if monotonic() >= self._look_s:
                self._look(on_progress)

    def _look(self, on_progress: Callable[[], None]) -> None:
        self._look_s = monotonic() + LOOK_S
        self._poll(0)
        on_progress()

    def _mark(self, line: int) -> Headers:
        return [(HEADER, self._progress.mark(line, None if self._shift is None else self._shift.by_s))]

    def _produce(self, frame: bytes, partition: int, headers: Headers | None) -> None:
        """Hand a frame to the client as soon as its queue has room."""
        while not self._problems:
            # Counted first: Ctrl-C most likely interrupts just after the call, when the frame has been handed over.
            self.sent += 1
            try:
                self._producer.produce(self._topic, frame, partition=partition, on_delivery=self._note, headers=headers)
            except BufferError:
                self.sent -= 1
                self._poll(LOOK_S)  # the queue is full: wait until the broker has accepted some
            except KafkaException as error:
                self.sent -= 1
                self._poll(0)  # reports earlier failures first
                self._problems.setdefault(f"a frame of {len(frame):,} bytes cannot be sent: {text_of(error.args[0])}")
            else:
                self.sent_bytes += len(frame)
                return

    def _settle(self) -> None:
        """Wait until every sent frame is acknowledged or has failed; give up those that the broker does not answer."""
        self._await_all()
        if len(self._producer):
            self._producer.purge()
            self._serve(self._producer.flush)

    def _await_all(self) -> None:
        while len(self._producer) and not self._is_unanswered:
            if self._failed:
                self._producer.purge(in_flight=False)  # the client sends nothing more, and would keep these forever
            self._serve(self._producer.flush)
            self._poll(0)

    def _poll(self, wait_s: float) -> None:
        """Take the client's reports, and check that the broker keeps acknowledging frames."""
        self._serve(self._producer.poll, wait_s)
        now_s, acknowledged = monotonic(), self.acknowledged
        if acknowledged > self._acknowledged_before or not len(self._producer):
            self._acknowledged_before, self._heard_s = acknowledged, now_s
        elif now_s - self._heard_s >= UNANSWERED_S and not self._is_unanswered:
            self._is_unanswered = True
            reason = f"no frame was acknowledged for {UNANSWERED_S:.0f} s"
            self._problems.setdefault(f"{reason}; {self._client_error}" if self._client_error else reason)

    def _serve(self, serve: Callable[[float], int], wait_s: float = LOOK_S) -> None:
        """Let the client report failures: first that it cannot continue, then which frame is the cause."""
        try:
            serve(wait_s)
        except KafkaException as error:
            self._end_of_client = text_of(error.args[0])
            self._problems.setdefault(self._end_of_client)

    def _note(self, error: KafkaError | None, message: Message) -> None:
        """Note a frame that was not acknowledged; the client reports only these."""
        if error is None:
            return
        self._failed += 1
        if error.code() not in _FOLLOWS:
            self._problems.pop(self._end_of_client, None)
            self._problems.setdefault(f"a frame of {len(message.value() or b''):,} bytes: {text_of(error)}")

    def _note_error(self, error: KafkaError) -> None:
        """Keep the last connection error of the client, which reconnects by itself."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._client_error = text_of(error)
