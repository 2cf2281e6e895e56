"""Reports as JSON in parts: the same bytes as at once."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from metrics.harvest.core.report_json import lines, reports_json, run_report_json
from metrics.harvest.core.reports import Figures, RunEvents, figures_of
from metrics.harvest.core.run_report import RunFigures, RunHead, RunReport, without_users
from tests.harvest.core.test_reports import any_runs
from tests.harvest.core.timeline import reports

NAMES = st.sampled_from(["Sytac", '"users": []', '\\"users": []', "\n      ,"])


def run_figures(name: str, figures: Figures) -> RunFigures:
    """Return the report of a run with a name to stop it."""
    return msgspec.convert(
        dict.fromkeys(RunHead.__struct_fields__, 0)
        | dict.fromkeys(("run", "started_at", "started", "stopped_at", "stopped"), "")
        | {"stopped_by": "time", "name": name, "streams": [], "reports": msgspec.to_builtins(figures)},
        RunFigures,
    )


@given(NAMES, any_runs)
def test_parts_are_together_the_indented_json_of_the_whole(name: str, runs: list[RunEvents]) -> None:
    whole = reports(runs)
    figures = figures_of(whole)
    head = run_figures(name, figures)
    of_run = b"".join(run_report_json(head, whole.users))
    assert of_run == msgspec.json.format(msgspec.json.encode(structs.replace(head, reports=whole)), indent=2) + b"\n"
    assert without_users(msgspec.json.decode(of_run, type=RunReport)) == head
    of_all = msgspec.json.format(msgspec.json.encode(whole), indent=2)
    assert b"".join(reports_json(figures, whole.users)) == of_all + b"\n"
    assert [*lines(reports_json(figures, whole.users))] == of_all.decode().split("\n")
