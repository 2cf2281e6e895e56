"""`harvest report`: the report of a run, or of all runs."""

from collections.abc import Iterable
from itertools import chain
from typing import Annotated

import typer

from metrics.harvest.archive.answering import ReportedRuns
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.runs import LATEST, read_events, read_head, read_report, require_run
from metrics.harvest.commands.listing import readable_runs
from metrics.harvest.commands.options import Json
from metrics.harvest.commands.summary import say_answers, say_figures, say_files, say_missed, say_report_file, say_run
from metrics.harvest.core.report_json import lines, reports_json
from metrics.harvest.core.reports import RunEvents
from metrics.harvest.core.rows import COLUMNS, cells, row_text
from metrics.harvest.core.run_report import without_users
from metrics.harvest.settings import HarvestSettings
from metrics.terminal.console import say, say_lines
from metrics.terminal.streams import binary_output
from metrics.wording.errors import SettingsError
from metrics.wording.text import numbered

ALL = "all"


def report(
    run: Annotated[str, typer.Argument(metavar="[RUN|latest|all]", help="Name of a run; see `harvest runs`.")] = LATEST,
    *,
    json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the events as CSV instead.")] = False,
) -> None:
    """Show the report of a run: how long each stream was listened to, users, shows, successful streams.

    --json includes every event of every user. --csv is the processed file: the events in their order, with 24 columns
    as received, then their times and positions; of all runs, the name of the run is the first column.

    Example: `python app.py harvest report latest --json`
    """
    if json and as_csv:
        raise SettingsError("--json and --csv contradict each other", hint="leave one of them out")
    folders = Folders.of(HarvestSettings.load().harvest_dir)
    shown = _AllRuns(folders) if run == ALL else _OneRun(folders, run)
    if as_csv:
        shown.print_csv()
    elif json:
        shown.print_json()
    else:
        shown.print()


class _OneRun:
    """One run, given by its name or as `latest`."""

    def __init__(self, folders: Folders, run: str) -> None:
        self._folders = folders
        self._run = readable_runs(folders)[0].run if run == LATEST else require_run(folders, run)

    def print_csv(self) -> None:
        _print_csv(COLUMNS, map(cells, read_events(self._folders, self._run)))

    def print_json(self) -> None:
        read_head(self._folders, self._run)  # raises for a damaged report, before a part of it is printed
        say_report_file(self._folders, self._run)

    def print(self) -> None:
        report = read_report(self._folders, self._run)
        found = without_users(report)
        say_run(found)
        say_missed(found.missed)
        say("")
        say_answers(found.reports, report.reports.users)
        say("")
        say_files(self._folders, found)


class _AllRuns:
    """All runs that have a report, the oldest first."""

    def __init__(self, folders: Folders) -> None:
        self._folders, self._heads = folders, readable_runs(folders)[::-1]

    def print_csv(self) -> None:
        events = ((head.run, event) for head in self._heads for event in read_events(self._folders, head.run))
        _print_csv(("run", *COLUMNS), ([run, *cells(event)] for run, event in events))

    def print_json(self) -> None:
        answers = self._answers()
        say_lines(lines(reports_json(answers.figures, answers.users())))

    def print(self) -> None:
        answers = self._answers()
        events = numbered(sum(head.events for head in self._heads), "event")
        names = " to ".join(dict.fromkeys((self._heads[0].run, self._heads[-1].run)))
        say(f"{numbered(len(self._heads), 'run')}, {names}: {events}")
        say_figures(answers.figures)
        say("")
        say_answers(answers.figures, answers.users())

    def _answers(self) -> ReportedRuns:
        runs = [RunEvents(head.started_us, read_events(self._folders, head.run)) for head in self._heads]
        return ReportedRuns(self._folders, runs)


def _print_csv(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with binary_output() as output:
        output.writelines(row_text(row).encode() for row in chain([columns], rows))
