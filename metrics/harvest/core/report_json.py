"""The JSON of reports, with one user in memory at a time."""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import structs

from metrics.harvest.core.reports import Figures, UserReport
from metrics.harvest.core.run_report import RunFigures


def run_report_json(report: RunFigures, users: Iterable[UserReport]) -> Iterator[bytes]:
    """Yield a RunReport as indented JSON, in parts.

    Args:
        users: in place of their number.
    """
    return _with_users(structs.replace(report, reports=structs.replace(report.reports, users=[])), users)


def reports_json(figures: Figures, users: Iterable[UserReport]) -> Iterator[bytes]:
    """Yield Reports as indented JSON, in parts.

    Args:
        users: in place of their number.
    """
    return _with_users(structs.replace(figures, users=[]), users)


def _with_users(answers: msgspec.Struct, users: Iterable[UserReport]) -> Iterator[bytes]:
    # A text in JSON cannot contain this key, since its quotes would be escaped; nor can it contain a line end.
    before, key, after = msgspec.json.format(msgspec.json.encode(answers), indent=2).partition(b'"users": []')
    line_end = b"\n" + before.rpartition(b"\n")[2]
    user_line = line_end + b"  "
    yield before + key[:-1]
    is_first = True
    for user in users:
        text = msgspec.json.format(msgspec.json.encode(user), indent=2)
        yield (b"" if is_first else b",") + user_line + text.replace(b"\n", user_line)
        is_first = False
    yield (b"" if is_first else line_end) + b"]" + after + b"\n"


def lines(parts: Iterable[bytes]) -> Iterator[str]:
    """Yield JSON that came in parts line by line, without the line ends."""
    begun = b""
    for part in parts:
        *ended, begun = (begun + part).split(b"\n")
        yield from (line.decode() for line in ended)
