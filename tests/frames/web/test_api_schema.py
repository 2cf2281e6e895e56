"""The API against its own OpenAPI document, by schemathesis: what that allows is tried, and what it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from metrics.frames.producer import generator
from tests.frames.web.test_serve import TOKEN, ended, is_ready, serving
from tests.kafka.application import PROJECT, Application, wait_until

OPTIONS = ["--checks", "all", "--max-examples", "50", "--continue-on-failure", "--request-timeout", "10"]
TIMEOUT_S = 120
HOOKS = {"SCHEMATHESIS_HOOKS": "tests.frames.web.schema_hooks", "PYTHONPATH": str(PROJECT)}


@pytest.mark.parametrize("token", ["", TOKEN])
def test_every_response_conforms_to_the_openapi_document(application: Application, tmp_path: Path, token: str) -> None:
    """All but /stream, which has no end: tests/frames/web/test_stream.py reads that; and but the catalogue's."""
    application.variables["API_TOKEN"] = token
    application.prepare(tmp_path, generator.frames(count=20_000, rate=100, seed=1))
    application.run("--until-end")
    with serving(application) as (process, client):
        wait_until(lambda: is_ready(client), "it is ready")
        program = Path(sys.executable).with_name("schemathesis")
        document = str(client.base_url.join("/openapi.json"))
        shown = ["--header", f"Authorization: Bearer {token}"] if token else []
        tried = subprocess.run(
            [
                program,
                "run",
                document,
                "--exclude-path",
                "/stream",
                *OPTIONS,
                "--exclude-path-regex",
                "^/catalogue",
                *shown,
            ],
            cwd=tmp_path,
            env=os.environ | HOOKS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert tried.returncode == 0, tried.stdout
        assert "Tested: 6" in tried.stdout
        ended(process)
