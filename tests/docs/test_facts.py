"""Tables in docs/ that list what the code has."""

import re
from pathlib import Path

from metrics import errors

OPERATIONS = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text(encoding="utf-8")


def test_every_exit_code_of_an_error_is_listed() -> None:
    _, _, rest = OPERATIONS.partition("| code | meaning |\n")
    table, _, _ = rest.partition("\n\n")
    listed = {int(code) for row in table.splitlines()[1:] for code in re.findall(r"\d+", row.split("|")[1])}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MetricsError)]
    assert {kind.exit_code for kind in kinds} | {0, 130, 143} == listed
