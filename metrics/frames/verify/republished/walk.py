"""The republished stream held against the valid frames of the input, both walked through from their ends backwards.

A copy does not say which frame it is of: its place in the order tells, and where that fails, its content. Where both
end is certain: at the saved position, and with the last record that was committed with it. Where the stream begins is
not: it may have been switched on later, or its retention has left less. Backwards, that comes last, and by itself: when
the copies end, what is left of the input was there before.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from metrics.frames.verify.findings import Difference, Kind
from metrics.frames.verify.republished.entry import Content, Entry, Stamp, TimestampLimits
from metrics.frames.verify.republished.findings import Places, Republished
from metrics.frames.verify.republished.lane import Lane, Recent
from metrics.frames.verify.republished.set_aside import Gap, SetAside

WINDOW = 1000  # so many frames and copies are looked at in advance, where they do not agree
RECENT = 30_000  # of so many frames, at least, it is known that they were found: what comes again is doubled


class Walk:
    """One walk through partitions of the input and of the stream; each gives its entries from the last to the first.

    Where heads agree, they are taken. Where none do, something is wrong, or frames of several partitions that look
    alike were taken for each other. Then as little as possible is set aside for others to agree.

    Args:
        incomplete: partitions of the input whose first frames are gone.
        partitions: how many partitions the stream has.
    """

    def __init__(
        self,
        frames: Mapping[int, Iterator[Entry]],
        copies: Mapping[int, Iterator[Entry]],
        found: Republished,
        *,
        partitions: int,
        limits: TimestampLimits,
        places: Places,
        incomplete: Collection[int] = (),
        window: int = WINDOW,
    ) -> None:
        self._frames = {number: Lane(entries) for number, entries in frames.items()}
        self._copies = {number: Lane(entries) for number, entries in copies.items()}
        own = {number: [number] if number in frames else [] for number in copies}
        others = [number for number in frames if number >= partitions]
        self._sources = {number: [*own[number], *others] for number in copies}
        self._targets = {number: [number] if number < partitions else list(copies) for number in frames}
        self._found = found
        self._kept: deque[tuple[int, int, Difference]] = deque(maxlen=found.most)
        self._counts: Counter[Kind] = Counter()
        self._limits = limits
        self._places = places
        self._incomplete = incomplete
        self._window = window
        self._aside = SetAside(window)
        self._recent = {number: Recent(RECENT // len(frames)) for number in frames}
        self._alike: set[Content] = set()  # contents that two partitions had at their heads
        self._has_alike = False
        self._hunted: dict[int, list[Entry]] = {number: [] for number in frames}  # the newest and the oldest
        self._hunted_frames: Counter[int] = Counter()
        self._unknown: set[int] = set()  # partitions of which frames were left whose copies may have been removed
        self._first: dict[int, int] = {}

    def run(self) -> None:
        """Walk from the ends to where the stream begins, and note what differs."""
        steps = (self._take_heads, self._take_moved, self._pass_over, self._pass_doubled, self._hunt)
        while any(step() for step in steps):
            for gap in self._aside.overflowing():
                self._settle(gap)
        self._finish()

    def _take_heads(self) -> bool:
        """Take frames and copies for as long as they agree."""
        has_taken = False
        for lane in self._copies.values():
            while (copy := lane.head()) is not None and (source := self._source_of(copy)) is not None:
                lane.ahead.popleft()
                self._take(self._frames[source].ahead.popleft(), copy)
                has_taken = True
        return has_taken

    def _source_of(self, copy: Entry) -> int | None:
        """Return the partition of the input whose head a copy agrees with."""
        agreeing = []
        for number in self._sources[copy.partition]:
            frame = self._frames[number].head()
            if frame is not None and frame.content == copy.content:
                agreeing.append(frame)
        if len(agreeing) > 1:
            if len(self._alike) >= RECENT:
                self._alike.clear()
            self._alike.add(copy.content)
            agreeing.sort(key=lambda frame: frame.timestamp_ms != copy.timestamp_ms)
        return agreeing[0].partition if agreeing else None

    def _take(self, frame: Entry, copy: Entry) -> None:
        """Take a frame and its copy for each other."""
        found, number = self._found, frame.partition
        found.compared[number] += 1
        stamp = self._limits.stamp(frame.timestamp_ms, copy.timestamp_ms)
        if stamp is Stamp.MOVED:
            found.moved[copy.partition] += 1
        elif stamp is Stamp.WRONG:
            note = f"timestamp {copy.timestamp_ms} ms instead of {frame.timestamp_ms} ms"
            self._note(Kind.FRAME_DIFFERS, frame, copy, note)
        if (again := self._aside.take_copy(frame.content, self._targets[number])) is not None:
            self._note(Kind.FRAME_DOUBLED, frame, again)
        self._first[number] = min(frame.offset, self._first.get(number, frame.offset))
        if len(self._frames) > 1 and any(recent.get(frame.content) is not None for recent in self._recent.values()):
            self._has_alike = True
        self._recent[number].put(frame.content, frame.offset)

    def _take_moved(self) -> bool:
        """Take a head that agrees with something set aside before: it is out of order.

        Unless it looks like a frame of another partition: then one was only taken for the other.
        """
        for copies in self._copies.values():
            copy = copies.head()
            if copy and (frame := self._aside.take_frame(copy.content, self._sources[copy.partition])):
                copies.ahead.popleft()
                self._take_out_of_order(frame, copy)
                return True
        for frames in self._frames.values():
            frame = frames.head()
            if frame and (copy := self._aside.take_copy(frame.content, self._targets[frame.partition])):
                frames.ahead.popleft()
                self._take_out_of_order(frame, copy)
                return True
        return False

    def _take_out_of_order(self, frame: Entry, copy: Entry) -> None:
        if copy.content not in self._alike:
            self._note(Kind.FRAME_OUT_OF_ORDER, frame, copy)
        self._take(frame, copy)

    def _pass_over(self) -> bool:
        """Set aside as few heads as possible, so that others agree."""
        if not any(lane.head() for lane in self._copies.values()):
            return False
        reach = self._window if self._alike or not all(map(self._is_known, self._frames)) else 1
        while True:
            seen = max(lane.look(reach) for lane in (*self._frames.values(), *self._copies.values()))
            if (nearest := self._nearest(reach)) is not None:
                (source, frames), (target, copies) = nearest
                passed = self._frames[source].take(frames)
                if passed and not self._is_known(source):
                    self._unknown.add(source)
                    passed = []
                self._aside.add(passed, self._copies[target].take(copies))
                return True
            if reach >= self._window or seen < reach:
                return False
            reach = min(2 * reach, self._window)

    def _is_known(self, source: int) -> bool:
        """Tell whether a frame without a copy is missing; where a target has ended, it may have been there."""
        return all(self._copies[target].head() is not None for target in self._targets[source])

    def _nearest(self, reach: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Return a frame and a copy that agree, each as its partition and how many lie before it.

        Frames that others were taken for cost nothing, nor do those whose copies may have been removed.
        """
        found: dict[Content, list[tuple[int, int, int]]] = {}
        for number, lane in self._frames.items():
            cost, is_known = 0, self._is_known(number)
            for before, frame in enumerate(islice(lane.ahead, reach)):
                found.setdefault(frame.content, []).append((number, before, cost))
                cost += is_known and frame.content not in self._alike
        pairs = [
            (cost + at, at, (source, before), (number, at))
            for number, lane in self._copies.items()
            for at, copy in enumerate(islice(lane.ahead, reach))
            for source, before, cost in found.get(copy.content, ())
            if source in self._sources[number]
        ]
        return min(pairs)[2:] if pairs else None

    def _pass_doubled(self) -> bool:
        """Pass over copies of frames that were found just before, however many; each is doubled."""
        has_passed = False
        for lane in self._copies.values():
            while (copy := lane.head()) is not None and (frame := self._found_before(copy)) is not None:
                lane.ahead.popleft()
                self._note(Kind.FRAME_DOUBLED, frame, copy)
                has_passed = True
        return has_passed

    def _found_before(self, copy: Entry) -> Entry | None:
        for source in self._sources[copy.partition]:
            offset = self._recent[source].get(copy.content)
            if offset is not None:
                return Entry(source, offset, copy.content, None)
        return None

    def _hunt(self) -> bool:
        """Pass over frames, however many, until one agrees with a copy that was looked at."""
        wanted = {copy.content: number for number, lane in self._copies.items() for copy in lane.ahead}
        if self._begin_together():
            return True
        known = {number: self._is_known(number) for number in self._frames}
        sources = [[number for number in known if known[number] is of] for of in (False, True)]
        return bool(wanted) and any(self._hunt_in(numbers, wanted) for numbers in sources)

    def _hunt_in(self, numbers: list[int], wanted: Mapping[Content, int]) -> bool:
        while numbers:
            for number in tuple(numbers):
                lane = self._frames[number]
                frame = lane.head()
                if frame is None:
                    numbers.remove(number)
                elif wanted.get(frame.content) in self._targets[number]:
                    self._settle_hunted()
                    return True
                else:
                    self._hunted[number][1:] = lane.take(1)
                    self._hunted_frames[number] += 1
        return False

    def _begin_together(self) -> bool:
        """Where as many frames as copies are left in all, and few, they are each other's, and differ."""
        lanes = [*self._frames.values(), *self._copies.values()]
        left = {lane.look(self._window) for lane in lanes}
        if len(self._frames) != 1 or len(left) != 1 or not 0 < max(left) < self._window or self._incomplete:
            return False
        frames, copies = (lane.take(max(left)) for lane in lanes)
        self._first.update({frame.partition: frame.offset for frame in frames})
        self._aside.add(frames, copies)
        return True

    def _finish(self) -> None:
        """Nothing agrees any more: what is left are copies without a frame, and frames from before the stream."""
        for number, lane in self._copies.items():
            may_be_older = any(source in self._incomplete for source in self._sources[number])
            while (copy := lane.head()) is not None:
                lane.ahead.popleft()
                if may_be_older:
                    self._found.older[number] += 1
                else:
                    self._note_too_many(copy)
        for gap in self._aside.rest():
            self._settle(gap)
        for number, lane in self._frames.items():
            if number in self._first and (lane.head() or self._hunted[number] or number in self._unknown):
                self._found.begins[number] = self._first[number]
        undecided = self._undecided() if self._counts and self._has_alike else ""
        if undecided:
            self._found.undecided.append(undecided)
        else:
            self._found.kept.extend(difference for *_, difference in sorted(self._kept))
            self._found.counts.update(self._counts)

    def _undecided(self) -> str:
        """Say what differences may mean that only come from frames which look alike, if that may be.

        In which order frames of several partitions may follow each other is then not known, nor where a stream begins.
        But a whole one holds as much as the input.
        """
        for lane in self._frames.values():
            lane.see_all()
        frames, copies = self._frames.values(), self._copies.values()
        if sum(lane.sum for lane in copies) == sum(lane.sum for lane in frames):
            return "it holds the same frames, but their order is not verified"
        lacking = sum(lane.number for lane in frames) - sum(lane.number for lane in copies)
        if lacking > 0 or self._incomplete:
            return f"whether it lacks frames or begins later ({lacking:,} fewer) is not verified"
        return ""

    def _settle(self, gap: Gap) -> None:
        """Note what has found nothing: a frame and a copy at the same place differ."""
        both = min(len(gap.frames), len(gap.copies))
        for frame, copy in zip(gap.frames, gap.copies, strict=False):
            self._note(Kind.FRAME_DIFFERS, frame, copy, f"not the same {frame.content.difference(copy.content)}")
        for frame in gap.frames[both:]:
            self._note(Kind.FRAME_MISSING, frame, None)
        for copy in gap.copies[both:]:
            self._note_too_many(copy)

    def _settle_hunted(self) -> None:
        """Note frames that were passed over, and are missing, since the stream goes on before them."""
        for number, hunted in self._hunted.items():
            frames = self._hunted_frames.pop(number, 0)
            if hunted and self._is_known(number):
                note = f"and {frames - 1:,} more, up to offset {hunted[0].offset:,}" if frames > 1 else ""
                self._note(Kind.FRAME_MISSING, hunted[-1], None, note)
                self._counts[Kind.FRAME_MISSING] += frames - 1
            elif hunted:
                self._unknown.add(number)
            hunted.clear()

    def _note_too_many(self, copy: Entry) -> None:
        frame = self._found_before(copy)
        self._note(Kind.FRAME_TOO_MANY if frame is None else Kind.FRAME_DOUBLED, frame, copy)

    def _note(self, kind: Kind, frame: Entry | None, copy: Entry | None, note: str = "") -> None:
        expected = "" if frame is None else self._places.frame(frame)
        found = "" if copy is None else self._places.copy(copy)
        place = frame or copy
        assert place is not None
        self._counts[kind] += 1
        difference = Difference(kind, "republished", None, expected, found, note)
        self._kept.append((place.partition, place.offset, difference))
