"""Folders with a database that was created before, since that takes longest."""

import shutil
from pathlib import Path

import pytest

from metrics.postgres import local_server
from tests.postgres.local_server.using import nothing


@pytest.fixture(scope="session")
def created(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("created")
    with local_server.shared(folder, nothing):
        pass
    return folder / "data"


@pytest.fixture
def folder(created: Path, tmp_path: Path) -> Path:
    """Give a folder whose server has stopped."""
    shutil.copytree(created, tmp_path / "stopped" / "data")
    return tmp_path / "stopped"
