"""Replay of dead letters: each chosen frame is sent to the input topic once, however often a replay is killed.

Each transaction sends some frames, and a mark that names them to the dead letter topic: both take effect, or neither.
A replay first takes over the transactional id, which aborts the open transaction of the one before; then it reads all
marks. Offsets of a group would not do: they expire, and a replay of some reasons is not a position.
"""

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Message
from confluent_kafka.admin import AdminClient

from metrics.frames import topics_in_use
from metrics.frames.core.counter import require_same_rules
from metrics.frames.rejected.fate import Fate, FateJudge
from metrics.frames.rejected.history import History
from metrics.frames.rejected.letters import Letter, Wanted
from metrics.frames.replay_marks import REPLAY_OF, is_mark, replayed
from metrics.frames.saved_state import SavedState
from metrics.frames.settings import Settings
from metrics.frames.start_state import saved_state
from metrics.kafka.clients import open_admin, open_asker, open_reader, open_transactional_producer
from metrics.kafka.job.latency import CommitLatency
from metrics.kafka.job.seams import TransactionLostError
from metrics.kafka.job.transaction import Transaction, call_s
from metrics.kafka.offsets import end_offsets, offset_ranges
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.kafka.topic_limits import Limits, limits_of
from metrics.kafka.topics import configuration
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError, FencedError

if TYPE_CHECKING:
    from metrics.kafka.record_metadata import Headers

BATCH_LETTERS = 500  # of one transaction
SETTLE_S = 45.0  # the timeout of the job's transactions, and the interval at which the broker looks for expired ones
REPLAYS = "-replay"  # the transactional id is the topic's name with this after it

Found = Counter[tuple[str, Fate]]  # numbers of dead letters by reason and fate


class LetterReplay:
    """Replay of the dead letters up to the end of their topic now; `opened` prepares it.

    Args:
        transaction: None for a dry run.

    Attributes:
        saved: the state of the group; None if it has not counted yet.
        sent: the number of frames sent, in transactions that are committed.
    """

    def __init__(
        self,
        settings: Settings,
        admin: AdminClient,
        consumer: Consumer,
        ranges: Sequence[PartitionRange],
        limits: Limits,
        saved: SavedState | None,
        transaction: Transaction | None,
    ) -> None:
        self.saved = saved
        self.sent = 0
        self._settings = settings
        self._admin = admin
        self._consumer = consumer
        self._ranges = ranges
        self._limits = limits
        self._transaction = transaction

    @property
    def offsets(self) -> int:
        """Upper bound of the number of records to read: the marks are read first, then the dead letters."""
        return 2 * sum(at.end - at.start for at in self._ranges)

    def run(self, wanted: Wanted, on_progress: Callable[[int], None], *, with_returned: bool) -> Found:
        """Send the wanted dead letters that would be counted, unless it is a dry run; return what it found.

        Args:
            on_progress: called now and then with the number of offsets passed.
            with_returned: whether frames that were replayed, and rejected again, are sent once more.

        Raises:
            TransactionLostError: the transaction failed; `sent` frames of earlier ones are sent.
            StateError: a mark cannot be read.
            BrokerError: a transaction of another producer is open for more than SETTLE_S.
        """
        self._await_commits()
        progress = Progress(on_progress)
        state = self.saved.state if self.saved is not None and self.saved.handover is None else None
        history = History(self._settings.input_topic, state)
        for records in self._partitions(progress):
            history.add(records)
        judge = FateJudge(self._settings, state, self._limits, history, with_returned=with_returned)
        found: Found = Counter()
        sent = self._sent(wanted, judge, found, progress)
        for partition, letters in groupby(sent, lambda letter: letter.message.partition() or 0):
            while batch := list(islice(letters, BATCH_LETTERS)):
                self._send(batch, partition)
        return found

    def _await_commits(self) -> None:
        """Wait until the transactions that were open at first have ended; until then, marks may be hidden behind them.

        Those of a running job take up to two seconds; that of a killed one is open until it times out.
        """
        topic, ends = self._settings.rejected_topic, {at.partition: at.end for at in self._ranges}

        def have_ended() -> bool:
            found = offset_ranges(self._admin, topic, len(ends))
            return all(found[number].high >= end for number, end in ends.items())

        if not Deadline(SETTLE_S).poll(have_ended, until=bool):
            raise BrokerError(
                f"the topic {topic} has an open transaction",
                why="what earlier replays have sent may be known only after it; if the main job was killed, it is open "
                "until it times out",
                hint="try again, or start the main job, which aborts it",
            )

    def _partitions(self, progress: Progress) -> Iterator[Iterator[Message]]:
        streams = Streams(self._consumer, self._ranges)
        for at in self._ranges:
            yield progress.over(at, streams.of(at.topic, at.partition))

    def _sent(self, wanted: Wanted, judge: FateJudge, found: Found, progress: Progress) -> Iterator[Letter]:
        """Yield the letters to send, partition by partition; add each wanted one to `found`."""
        messages = chain.from_iterable(self._partitions(progress))
        for letter in (Letter.of(message) for message in messages if not is_mark(message)):
            if wanted.includes(letter):
                fate = judge.fate(letter)
                found[letter.reason, fate] += 1
                if fate.is_sent and letter.place is not None:
                    judge.history.replayed.add(letter.place)  # it may have another dead letter, after a reset
                    yield letter

    def _send(self, letters: Sequence[Letter], partition: int) -> None:
        """Send the frames of some letters of a partition of the dead letter topic, and their mark, and commit."""
        transaction, topic = self._transaction, self._settings.input_topic
        if transaction is None:
            return
        now_ms = int(time.time() * 1000)
        places = [letter.place for letter in letters if letter.place is not None]
        for letter, place in zip(letters, places, strict=True):
            message = letter.message
            timestamp_ms = self._limits.nearest_ms(message.timestamp()[1], now_ms)
            headers: Headers = [(REPLAY_OF, (letter.replay_of or str(place)).encode())]
            transaction.send(topic, message.key(), message.value(), timestamp_ms, headers, place.partition)
        value, headers = replayed(topic, places)
        transaction.send(self._settings.rejected_topic, None, value, now_ms, headers, partition)
        transaction.commit([])
        self.sent += len(letters)


@contextmanager
def opened(settings: Settings, *, sends: bool) -> Iterator[LetterReplay]:
    """Open a replay of the dead letters; one that sends fences an earlier one that is still running.

    Raises:
        FencedError: another replay has begun meanwhile.
        BrokerError: the broker does not answer, or refuses.
        TopicError: a topic is missing.
        StateError: the group's offsets contain no state of this program, or its open windows have other rules.
    """
    admin = open_admin(settings)
    variables = {"INPUT_TOPIC": settings.input_topic, "REJECTED_TOPIC": settings.rejected_topic}
    partitions = topics_in_use.require(admin, settings, variables)
    limits = limits_of(partitions[settings.input_topic], configuration(admin, settings.input_topic))
    with closing(open_asker(settings, settings.consumer_group_id)) as asker:
        saved = saved_state(asker, settings.input_topic, limits.partitions)
    if saved is not None:
        require_same_rules(saved.state, settings.rules())  # or the next run would read the frames by the rules before
    with closing(open_reader(settings)) as reader, _transaction(settings, reader, limits, sends=sends) as transaction:
        ranges = _whole(admin, settings.rejected_topic, partitions[settings.rejected_topic])
        yield LetterReplay(settings, admin, reader, ranges, limits, saved, transaction)


@contextmanager
def _transaction(settings: Settings, reader: Consumer, limits: Limits, *, sends: bool) -> Iterator[Transaction | None]:
    """Yield a transaction under the id of all replays of this dead letter topic; None for a dry run."""
    if not sends:
        yield None
        return
    replaying = dataclasses.replace(settings, consumer_group_id=f"{settings.rejected_topic}{REPLAYS}")
    producer = open_transactional_producer(replaying, limits.size_bytes)
    try:
        transaction = Transaction(producer, reader, call_s(settings.broker_timeout_s), CommitLatency())
        with closing(transaction):
            yield transaction
    except TransactionLostError as lost:
        if not lost.is_fenced:
            raise lost.cause from None
        raise FencedError(
            "another replay of these dead letters has begun",
            why=lost.cause.why,
            hint="let it finish; the same command then sends what is left",
        ) from None


def _whole(admin: AdminClient, topic: str, partitions: int) -> list[PartitionRange]:
    """Return the ranges of a topic up to the ends of transactions that are open now.

    A mark of an earlier replay may follow the first record of such a transaction, for example one of the main job.
    """
    ends = end_offsets(admin, topic, partitions)
    found = offset_ranges(admin, topic, partitions)
    return [PartitionRange(topic, number, low, ends[number]) for number, (low, _) in found.items()]
