"""The API against its own OpenAPI document, by schemathesis: what that allows is tried, and what it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogue.web.serving import create_tables
from tests.catalogue.web.test_serve import ended, serving
from tests.frames.web.test_serve import TOKEN
from tests.kafka.application import PROJECT

OPTIONS = ["--checks", "all", "--max-examples", "20", "--continue-on-failure", "--request-timeout", "30"]
TIMEOUT_S = 600
HOOKS = {"SCHEMATHESIS_HOOKS": "tests.catalogue.web.schema_hooks", "PYTHONPATH": str(PROJECT)}


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("token", ["", TOKEN])
def test_every_response_conforms_to_the_openapi_document(database_url: str, tmp_path: Path, token: str) -> None:
    create_tables(database_url)
    with serving(DATABASE_URL=database_url, API_TOKEN=token) as (process, client):
        program = Path(sys.executable).with_name("schemathesis")
        document = str(client.base_url.join("/openapi.json"))
        shown = ["--header", f"Authorization: Bearer {token}"] if token else []
        tried = subprocess.run(
            [program, "run", document, *OPTIONS, *shown],
            cwd=tmp_path,
            env=os.environ | HOOKS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert tried.returncode == 0, tried.stdout
        assert "Tested: 18" in tried.stdout
        assert ended(process) == ""
