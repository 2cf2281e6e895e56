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

OPTIONS = ["--max-examples", "10", "--continue-on-failure", "--request-timeout", "30"]
# Whether a record is right, a schema cannot say: times have offsets, one movie of a review has a title.
OF_METHOD = {
    "GET": [],
    "POST": ["--exclude-checks", "positive_data_acceptance,negative_data_rejection"],
}
TIMEOUT_S = 600
HOOKS = {"SCHEMATHESIS_HOOKS": "tests.catalogue.web.schema_hooks", "PYTHONPATH": str(PROJECT)}


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize(("method", "token"), [("GET", ""), ("POST", ""), ("GET", TOKEN), ("POST", TOKEN)])
def test_every_response_conforms_to_the_openapi_document(
    database_url: str, tmp_path: Path, method: str, token: str
) -> None:
    create_tables(database_url)
    with serving(DATABASE_URL=database_url, API_TOKEN=token) as (process, client):
        program = Path(sys.executable).with_name("schemathesis")
        document = str(client.base_url.join("/openapi.json"))
        shown = ["--header", f"Authorization: Bearer {token}"] if token else []
        tried = subprocess.run(
            [program, "run", document, "--include-method", method, *OPTIONS, *OF_METHOD[method], *shown],
            cwd=tmp_path,
            env=os.environ | HOOKS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert tried.returncode == 0, tried.stdout
        assert f"Tested: {12 if method == 'GET' else 6}" in tried.stdout
        assert ended(process) == ""
