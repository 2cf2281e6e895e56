"""What the commands do, step by step, and what they say of it."""

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import NamedTuple

import msgspec

from metrics import frame_files, picture, status_text, tradeoffs, verdict
from metrics import settings as environment
from metrics.errors import FencedError, FileError, SettingsError
from metrics.kafka import feed, job, local_broker, onlooker, topics, verification
from metrics.kafka.clients import open_admin
from metrics.kafka.extents import extents
from metrics.kafka.status import describe
from metrics.recount.accuracy import Lags
from metrics.recount.audit import ALL_TIME
from metrics.recount.comparison import Range
from metrics.recount.findings import Findings
from metrics.settings import Settings
from metrics.terminal import (
    Report,
    bar,
    end_at_once,
    is_standard_output,
    note,
    numbered,
    out,
    pace,
    say,
    say_raw,
    shown,
    warn,
)

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data"
MOST_LATENESS_S = 86_400


@contextmanager
def broker_in_use(tell: Callable[[str], None] = say) -> Iterator[Settings]:
    """Give the settings with a broker's address: the one set, that of the local broker that runs, or a new one's.

    Args:
        tell: told what a new one does.
    """
    settings = environment.load()
    folder = PROJECT / settings.local_broker_dir
    address = settings.bootstrap_servers or local_broker.address_of_running(folder)
    if address is not None:
        yield msgspec.structs.replace(settings, bootstrap_servers=address)
        return
    with local_broker.running(folder, tell) as address:
        yield msgspec.structs.replace(settings, bootstrap_servers=address)


def default_file() -> Path:
    """Return the file of frames in data/.

    Raises:
        FileError: there is none.
    """
    path = frame_files.default_file(DATA)
    if path is None:
        raise FileError(
            "there is no file of frames to feed",
            why=f"the folder {DATA} holds none of {', '.join(frame_files.PATTERNS)}",
            now="name one, or make one: python app.py generate data/stream.jsonl",
        )
    return path


def write_frames(path: Path, frames: Iterable[bytes], count: int) -> None:
    """Write so many frames to a file."""
    started_s = monotonic()
    with frame_files.writing(path) as file, bar(f"writing {path.name}", count) as move:
        for number, frame in enumerate(frames, 1):
            file.write(frame)
            if number % 1000 == 0:
                move(number)
    tell = note if is_standard_output(path) else say  # no line of ours among the frames
    tell(f"wrote {shown(path)}: {pace(count, monotonic() - started_s)}")


def create_topics(settings: Settings, *, partitions: int, replication_factor: int) -> None:
    """Create the topics that are missing."""
    admin = open_admin(settings)
    created = topics.create_missing(admin, settings, partitions=partitions, replication_factor=replication_factor)
    for name, is_new in created.items():
        say(f"topic {name}: {'created' if is_new else 'is there'}")
    existing = topics.input_partitions(admin, settings)
    if existing != partitions:
        warn(
            f"topic {settings.input_topic} has {numbered(existing, 'partition')}, not {partitions}: it was there before"
        )


def feed_once(settings: Settings, frames: frame_files.FrameReader) -> None:
    """Feed a file into the input topic, unless that holds frames already."""
    admin = open_admin(settings)
    partitions = topics.input_partitions(admin, settings)
    held = sum(high - low for low, high in extents(admin, settings.input_topic, partitions).values())
    if held:
        say(
            f"topic {settings.input_topic} holds {numbered(held, 'frame')} already: nothing is fed "
            "(python app.py prepare-topics --again would)"
        )
    else:
        feed_again(settings, frames)


def feed_again(settings: Settings, frames: frame_files.FrameReader) -> None:
    """Feed a file into the input topic."""
    partitions = topics.input_partitions(open_admin(settings), settings)
    started_s = monotonic()
    try:
        with bar(f"feeding {frames.path.name}", frames.size_bytes) as move:
            fed = feed.feed(settings, frames, partitions, lambda _: move(frames.read_bytes))
    except BaseException:
        warn(
            f"only a part of {frames.path} is fed; "
            "python app.py prepare-topics --again feeds the whole of it, after that part"
        )
        raise
    say(f"fed {shown(frames.path)}: {pace(fed, monotonic() - started_s)}")


def print_status(settings: Settings) -> None:
    """Print how the group stands, for people."""
    status = describe(onlooker.look(settings))
    say(status_text.text(status, out.width if out.is_terminal else None))


def print_status_as_json(settings: Settings) -> None:
    """Print how the group stands as one JSON object."""
    say_raw(msgspec.json.encode(describe(onlooker.look(settings))).decode())


class JobOptions(NamedTuple):
    """How the main job is to run, as the command line says it."""

    is_verbose: bool
    until_end: bool
    stand_by: bool
    accept_loss: bool


def run_job(settings: Settings, options: JobOptions, require_broker: job.RequireBroker = lambda: None) -> None:
    """Run the main job, show how it goes, and sum it up."""
    with stopping_on_signals() as stopping, job.prepared(settings, stopping, require_broker) as prepared:
        while options.stand_by:
            try:
                if not prepared.stand_by(say, lambda: _open(prepared, options)):
                    return
                _count(settings, options, prepared, stopping)
            except FencedError as error:
                warn(error.what)
            else:
                return
        _open(prepared, options)
        _count(settings, options, prepared, stopping)


def _open(prepared: job.Job, options: JobOptions) -> None:
    if options.until_end:
        prepared.end_here()
    if options.accept_loss:
        for loss in prepared.open_with_losses():
            warn(f"accepted: {loss}")
    else:
        prepared.open()


def _count(settings: Settings, options: JobOptions, prepared: job.Job, stopping: Event) -> None:
    say(f"counting {settings.input_topic} on {settings.bootstrap_servers}; Ctrl-C stops")
    report = Report(prepared, stopping, is_verbose=options.is_verbose, print_interval=settings.print_interval)
    with report:
        prepared.run(report)
    report.sum_up()


def verify(settings: Settings, within: Range, *, most: int, as_json: bool) -> bool:
    """Recount the input, hold the outputs against it, show what differs, and tell whether they agree."""
    findings = Findings(most)
    with verification.opened(settings, within, findings) as opened:
        with bar(f"recounting {settings.input_topic}", opened.frames) as move:
            opened.run(move)
        if as_json:
            say(verdict.as_json(opened).decode())
        else:
            verdict.show(opened)
    return findings.agrees


def show_accuracy(path: Path, latenesses_s: Sequence[int], image: Path | None) -> None:
    """Read a file of frames, and show what each allowed lateness would miss, and how long results would wait."""
    settings = environment.load()
    if image is not None:
        picture.check(image)
    lags = Lags()
    with frame_files.reading(path) as file, bar(f"reading {path.name}", file.size_bytes) as move:
        lags.read(_moving(file, move), settings.future_limit_s)
    if not lags.frames:
        raise FileError(f"{path} holds no frame", why="there is nothing to be early or late", now="name another file")
    found = [lags.tradeoff(lateness_s) for lateness_s in latenesses_s]
    tradeoffs.show(lags, found)
    if image is not None:
        picture.draw(image, found, f"{path.name}: {numbered(lags.frames, 'frame')}")
        say(f"wrote {shown(image)}")


def _moving(file: frame_files.FrameReader, move: Callable[[int], None]) -> Iterator[bytes]:
    for number, frame in enumerate(file, 1):
        if number % 1000 == 0:
            move(file.read_bytes)
        yield frame


def latenesses_of(text: str) -> list[int]:
    """Read a list of allowed latenesses in seconds, such as `0,5,60`; sorted, each once.

    Raises:
        SettingsError: it is no such list.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and int(part) <= MOST_LATENESS_S for part in parts):
        raise SettingsError(
            f"--lateness-s {text} is no list of allowed latenesses",
            now=f"give whole seconds, 0 to {MOST_LATENESS_S}, with commas between them: 0,1,5,60",
        )
    return sorted({int(part) for part in parts})


def range_of(start: str | None, end: str | None) -> Range:
    """Read the range that people give as text.

    Raises:
        SettingsError: it is no range.
    """
    first = ALL_TIME.start if start is None else _second("--from", start)
    last = ALL_TIME.end if end is None else _second("--to", end)
    if first >= last:
        raise SettingsError(f"--from {start} is not before --to {end}", now="give an earlier one, or a later --to")
    return Range(first, last)


def _second(option: str, text: str) -> int:
    """Return whole seconds since the epoch: of a date and time, in UTC where it names no zone, or of a number."""
    try:
        if text.isdecimal() and text.isascii():
            second = int(text)
        else:
            time = datetime.fromisoformat(text)
            second = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as error:
        raise _no_time(option, text) from error
    if not 0 <= second < ALL_TIME.end:
        raise _no_time(option, text)
    return second


def _no_time(option: str, text: str) -> SettingsError:
    return SettingsError(
        f"{option} {text} is no time",
        now="write it as 2016-07-11T13:39:00Z, or as seconds since the epoch, in the years 1970 to 9999",
    )


@contextmanager
def stopping_on_signals() -> Iterator[Event]:
    """Give an event that Ctrl-C or SIGTERM sets. A second one ends the process at once, whatever it waits for.

    A thread of its own takes the signals: handlers in the main thread would wait for as long as the client waits for a
    broker that is gone.
    """
    stopping, done = Event(), Event()
    signals = {signal.SIGINT, signal.SIGTERM}

    def take() -> None:
        number = signal.sigwait(signals)
        stopping.set()
        while not done.is_set():
            number = signal.sigwait(signals)
            if not done.is_set():
                end_at_once(128 + number)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    taker = Thread(target=take, name="signals", daemon=True)
    taker.start()
    try:
        yield stopping
    finally:
        done.set()
        with suppress(ProcessLookupError):
            signal.pthread_kill(taker.ident or 0, signal.SIGTERM)  # it waits for a signal, so it ends by one
        taker.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
