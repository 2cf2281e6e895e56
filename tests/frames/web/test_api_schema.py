"""The API against its own OpenAPI document, by schemathesis: what that allows is tried, and what it does not."""

from pathlib import Path

import pytest

from metrics.frames.producer import generator
from tests.examples import examples
from tests.frames.web.test_serve import TOKEN, ended, is_ready, serving
from tests.kafka.application import Application, wait_until
from tests.web.conforming import require_conforming

OPTIONS = ["--checks", "all", "--max-examples", str(examples(50)), "--request-timeout", "10"]
OTHERS = "^/(catalogue|event|harvest|media|views|user_report|recent_shows|successful_streams|start_events)"
OPTIONS += ["--exclude-path", "/stream", "--exclude-path-regex", OTHERS]
TIMEOUT_S = 120


@pytest.mark.parametrize("token", [pytest.param("", marks=pytest.mark.long), TOKEN])
def test_every_response_conforms_to_the_openapi_document(application: Application, tmp_path: Path, token: str) -> None:
    """All but /stream, which has no end: tests/frames/web/test_stream.py reads that; and but the other systems'."""
    application.variables["API_TOKEN"] = token
    application.prepare(tmp_path, generator.frames(count=20_000, rate=100, seed=1))
    application.run("--until-end")
    with serving(application) as (process, client):
        wait_until(lambda: is_ready(client), "it is ready")
        report = require_conforming(
            client, tmp_path, "tests.frames.web.schema_hooks", OPTIONS, token=token, timeout_s=TIMEOUT_S
        )
        assert "Tested: 6" in report
        ended(process)
