"""Tables in docs/ that list what the code has."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import msgspec
import pytest

from metrics.catalogue.load.limits import DEFAULT
from metrics.catalogue.web import answering, loading, received, routes
from metrics.frames.verify import text
from metrics.frames.verify.recount.conservation import Row
from metrics.frames.verify.recount.findings import Findings, Kind
from metrics.frames.verify.recount.republished import Republished
from metrics.kafka.job.commits import EMPTY_COMMIT_S
from metrics.time.moments import ALL_TIME, Moment
from metrics.views.verify import findings as views_findings
from metrics.views.verify import text as views_text
from metrics.views.verify.findings import Verdict
from metrics.views.verify.matching import Difference
from metrics.views.verify.tables import COUNTS
from metrics.web.writing import BODY_S
from metrics.wording import errors

DOCS = Path(__file__).resolve().parents[2] / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
PAGE_OF_VIEWS = (DOCS / "views.md").read_text(encoding="utf-8")
TABLES = re.compile(r"<!-- fields: (\S+) -->\n\| field.* \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)")
LISTED = {
    name: re.findall(r"`([^`]+)`", "".join(row.split("|")[1] for row in rows.splitlines()))
    for page in DOCS.glob("*.md")
    for name, rows in TABLES.findall(page.read_text(encoding="utf-8"))
}


def test_every_exit_code_of_an_error_is_listed() -> None:
    _, _, rest = OPERATIONS.partition("| code | meaning |\n")
    table, _, _ = rest.partition("\n\n")
    listed = {int(code) for row in table.splitlines()[1:] for code in re.findall(r"\d+", row.split("|")[1])}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MetricsError)]
    assert {kind.exit_code for kind in kinds} | {0, 129, 130, 143} == listed


@pytest.mark.parametrize(
    "words",
    [
        f"(a number or a share, {DEFAULT.replace('%', ' %')} by default)",
        f"If more than `--max-gone` ({DEFAULT.replace('%', ' %')}) of the rows that are present",
        f"`max_rejected` allows ({DEFAULT.replace('%', ' %')})",
        f"the first {loading.MAX_NAMED} with everything that is wrong",
        f"{answering.TIMEOUT_S} s at most, then 504",
        f"{routes.MAX_BODY_BYTES >> 20} MiB or {received.MAX_RECORDS:,} records at most, within {BODY_S:g} s",
        f"commits every {EMPTY_COMMIT_S} s, or sooner under load",
    ],
)
def test_a_limit_of_the_catalogue_is_the_one_of_the_code(words: str) -> None:
    page = (DOCS / "catalogue.md").read_text(encoding="utf-8")
    assert words in " ".join(page.split())


def test_every_reason_of_a_rejected_record_is_listed() -> None:
    page = (DOCS / "catalogue.md").read_text(encoding="utf-8")
    table, _, _ = page.partition("| reason | meaning |\n|---|---|\n")[2].partition("\n\n")
    sources = [path.read_text(encoding="utf-8") for path in (DOCS.parent / "metrics/catalogue").rglob("*.py")]
    given = re.compile(r'(?:RejectedError|NoKeyError|super\(\).__init__)\("(\w+)", ')
    reasons = {reason for source in sources for reason in given.findall(source)}
    assert sorted(re.findall(r"^\| `(\w+)` ", table, re.MULTILINE)) == sorted(reasons)
    assert len(reasons) > 5


def fields_of(type_: Any, seen: set[Any]) -> Iterator[str]:
    """Yield the fields of a struct as JSON names them, and below each those of structs in it, where first used."""
    for field in msgspec.structs.fields(type_):
        yield field.encode_name
        inner = [field.type, *(part for arg in get_args(field.type) for part in (arg, *get_args(arg)))]
        for struct in (at for at in inner if isinstance(at, type) and issubclass(at, msgspec.Struct)):
            if struct not in seen and struct is not Moment:
                seen.add(struct)
                yield from (f"{field.encode_name}.{name}" for name in fields_of(struct, seen))


def keys_of(value: Any) -> Iterator[str]:
    """Yield the keys of a JSON object, and below each those of the objects in it."""
    if isinstance(value, list):
        value = value[0] if value else {}
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from (f"{key}.{name}" for name in keys_of(inner))


@pytest.mark.parametrize("name", [name for name in LISTED if "." in name])
def test_a_table_of_fields_lists_those_of_the_struct(name: str) -> None:
    module, _, struct = name.rpartition(".")
    expected = [*fields_of(getattr(import_module(module), struct), set())]
    parents = {field for field in expected if any(other.startswith(f"{field}.") for other in expected)}
    assert len(LISTED[name]) == len(set(LISTED[name]))
    assert set(expected) - parents <= set(LISTED[name]) <= set(expected)


def test_the_table_of_fields_of_verify_lists_those_that_it_prints() -> None:
    findings = Findings()
    findings.add(Kind.MISSING, "second", 0)
    found = SimpleNamespace(findings=findings, within=ALL_TIME, terms=[Row("late", 1, 1)], republished=Republished())
    printed = msgspec.json.decode(text.as_json(cast("Any", found)))
    for sizes in ("compared", "published", "not_closed_yet"):
        assert set(printed.pop(sizes)) == {"seconds", "minutes"}
        printed[sizes] = 0
    printed["counts"] = 0
    assert sorted(LISTED["verify"]) == sorted(keys_of(printed))


def test_the_table_of_fields_of_views_verify_lists_those_that_it_prints() -> None:
    findings = views_findings.Findings()
    findings.add(COUNTS, [Difference((0,), (1, 1, 0, 0), (2, 2, 0, 0))])
    snapshot = SimpleNamespace(topic="view-events", ends={0: 1}, since=0)
    printed = msgspec.json.decode(
        views_text.as_json(cast("Any", SimpleNamespace(findings=findings, snapshot=snapshot)))
    )
    printed["offsets"] = 1
    [difference] = printed["tables"][0]["first"]
    assert set(difference["row"]) == {"partition"}
    difference |= dict.fromkeys(difference, 1)
    assert sorted(LISTED["views-verify"]) == sorted(keys_of(printed))
    verdicts = re.findall(r"`([a-z ]+)`", PAGE_OF_VIEWS.partition("| `verdict` |")[2].partition("\n")[0])
    assert verdicts == [verdict.value for verdict in (Verdict.AGREES, Verdict.DIFFERS, Verdict.PARTLY, Verdict.NOTHING)]
