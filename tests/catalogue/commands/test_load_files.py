"""A load of files, within this process."""

from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from metrics.catalogue import schema
from metrics.catalogue.commands.load_files import FileOptions, load_files
from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load.run import Options
from metrics.postgres.connect import LimitedConnection, connect


def test_only_rejected_records_of_a_load_need_a_second_connection(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with closing(connect(database_url)) as connection:
        schema.init(connection)
    path = tmp_path / "movies.csv"
    path.write_text("title,duration_mins,original_language,size_mb\nAlien,117,English,900\nJaws,0,English,1\n")
    connects = Mock(wraps=LimitedConnection.connect)
    monkeypatch.setattr(LimitedConnection, "connect", connects)
    asked = FileOptions(str(path), None, None, strict=False, max_rejected="1", max_gone=None)
    outcome = load_files(asked, Options(MODELS["movie"]), lambda _: None)
    assert (outcome.load.rejected, connects.call_count) == (1, 1)
    again = asked._replace(config=None, rejected_of=outcome.load.id)
    assert load_files(again, Options(MODELS["movie"]), lambda _: None).load.rejected == 1
    assert connects.call_count == 3
