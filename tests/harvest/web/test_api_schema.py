"""The API against its own OpenAPI document, by schemathesis: what that allows is tried, and what it does not."""

from pathlib import Path

import pytest

from tests.examples import examples
from tests.frames.web.test_serve import TOKEN
from tests.harvest.web.serving import record
from tests.harvest.web.test_runs import EVENTS
from tests.harvest.web.test_serve import ended, serving
from tests.web.conforming import require_conforming

TIMEOUT_S = 600
OPTIONS = ["--max-examples", str(examples(10)), "--request-timeout", "30"]
STREAMING = ["--exclude-path", "/harvest/stream"]  # it has no end


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("token", [pytest.param("", marks=pytest.mark.long), TOKEN])
def test_every_response_conforms_to_the_openapi_document(tmp_path: Path, token: str) -> None:
    record(tmp_path / "data", EVENTS)
    with serving(tmp_path / "data", API_TOKEN=token, HARVEST_SECONDS="0.1") as (process, client):
        options = [*OPTIONS, *STREAMING]
        report = require_conforming(
            client, tmp_path, "tests.harvest.web.schema_hooks", options, token=token, timeout_s=TIMEOUT_S
        )
        assert "Tested: 12" in report
        ended(process)
