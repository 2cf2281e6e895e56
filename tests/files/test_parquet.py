"""Parquet files without the package that writes them; what they contain, the tests of each writer show."""

import sys

import pytest

from metrics.files import parquet
from metrics.wording.errors import SettingsError


def test_without_pyarrow_it_is_refused_and_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match="pipenv sync --categories reports installs it"):
        parquet.check()
