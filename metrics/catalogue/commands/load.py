"""`catalogue load`: loads records of one model."""

from collections.abc import Callable, Mapping

import msgspec

from metrics.catalogue.commands.load_files import FileOptions, load_files
from metrics.catalogue.commands.load_options import (
    AcceptLoss,
    Again,
    Collector,
    DryRun,
    LoadedModel,
    MaxGone,
    MaxRejected,
    RejectedOfLoad,
    Snapshot,
    Strict,
    TakeOver,
    TimeZone,
    UntilEnd,
    Where,
)
from metrics.catalogue.commands.options import Json
from metrics.catalogue.commands.topic_options import TopicOptions, topic_of
from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load.run import Options, Outcome
from metrics.catalogue.load.text import describe
from metrics.terminal.console import note, say, say_lines
from metrics.time.zones import zone_of
from metrics.wording.errors import SettingsError


def load(
    *,
    model: LoadedModel,
    config: Where = None,
    collector: Collector = None,
    snapshot: Snapshot = False,
    max_gone: MaxGone = None,
    strict: Strict = False,
    max_rejected: MaxRejected = None,
    rejected_of: RejectedOfLoad = None,
    time_zone: TimeZone = None,
    again: Again = False,
    dry_run: DryRun = False,
    until_end: UntilEnd = False,
    take_over: TakeOver = False,
    accept_loss: AcceptLoss = False,
    json: Json = False,
) -> None:
    """Load the records of one model. Files are one transaction: if a load fails, nothing of it is in the table.

    A record with a new key is inserted, one that differs is updated, others change nothing. Wrong records are kept
    separately; `catalogue rejected` shows them.

    A topic is loaded until Ctrl-C, in many transactions, each record exactly once. Its records are JSON; one without a
    value marks the row of its key as gone.

    Example: `python app.py catalogue load --model movie --config data/movies.csv`
    """
    zone, report = None if time_zone is None else zone_of(time_zone), note if json else say
    if (topic := topic_of(config, collector)) is not None:
        of_files: dict[str, object] = {
            "--snapshot": snapshot,
            "--max-gone": max_gone,
            "--strict": strict,
            "--max-rejected": max_rejected,
        }
        of_files |= {"--rejected-of": rejected_of, "--again": again, "--dry-run": dry_run}
        _refuse(of_files, "a topic is committed as it is read, so it cannot be refused, compared or undone as a whole")
        of_topic = TopicOptions(MODELS[model], topic, zone, until_end, take_over, accept_loss)
        outcome = _load_topic(of_topic, report)
    else:
        of_topics = {"--until-end": until_end, "--take-over": take_over, "--accept-loss": accept_loss}
        _refuse(of_topics, "it is for topics only: --config kafka://TOPIC")
        asked = FileOptions(config, collector, rejected_of, strict, max_rejected, max_gone)
        options = Options(MODELS[model], zone, snapshot, again=again, is_dry_run=dry_run)
        outcome = load_files(asked, options, report)
    if outcome is None:
        report("stopped before it began to load")
    else:
        _print(outcome, is_dry_run=dry_run, is_json=json)


def _load_topic(options: TopicOptions, report: Callable[[str], None]) -> Outcome | None:
    # Not imported for files: the client of Kafka takes 4 MB.
    from metrics.catalogue.commands.load_topic import load_topic  # noqa: PLC0415

    return load_topic(options, report)


def _refuse(options: Mapping[str, object], why: str) -> None:
    for name, given in options.items():
        if given not in (None, False):
            raise SettingsError(f"{name} cannot be used here", why=why, hint="leave it out")


def _print(outcome: Outcome, *, is_dry_run: bool, is_json: bool) -> None:
    if is_json:
        members = msgspec.to_builtins(outcome.load) | {
            "rejected_by_reason": outcome.rejections.by_reason,
            "same_as": outcome.same_as,
            "is_dry_run": is_dry_run,
        }
        say_lines([msgspec.json.encode(members).decode()])
    else:
        for line in describe(outcome, is_dry_run=is_dry_run):
            say(line)
