"""The API against its own OpenAPI document, by schemathesis: what that allows is tried, and what it does not."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from metrics.kafka.clients import open_admin
from metrics.views import topics_in_use
from tests.catalogue.web.test_serve import ended
from tests.kafka.application import PROJECT, STARTED, Application
from tests.views.filled import Watched, fill, open_tables
from tests.views.web.taken import settings_of
from tests.web.conforming import require_conforming

TIMEOUT_S = 600
# Two ends may be no range, and days of a time zone may not be sums of quarter hours: a schema cannot say that.
EXCLUDED = "positive_data_acceptance"


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
def test_every_response_conforms_to_the_openapi_document(
    database_url: str, bootstrap_servers: str, tmp_path: Path
) -> None:
    settings = settings_of(bootstrap_servers)
    topics_in_use.create(open_admin(settings), settings)
    with closing(open_tables(database_url)) as connection:
        fill(connection, [Watched(user, media, number=user) for user in range(1, 4) for media in range(user)])
    variables = {
        "DATABASE_URL": database_url,
        "VIEWS_TOPIC": settings.views_topic,
        "VIEWS_REJECTED_TOPIC": settings.views_rejected_topic,
    }
    environment = Application(bootstrap_servers, variables).environment()
    process = subprocess.Popen(
        [sys.executable, PROJECT / "app.py", "views", "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    assert process.stdout is not None
    address = re.match(r"the page is at (http://\S+)/ and the API", process.stdout.readline())
    assert address is not None
    options = ["--include-method", "GET", "--max-examples", "10", "--request-timeout", "30"]
    with httpx.Client(base_url=address[1], timeout=30) as client:
        report = require_conforming(
            client,
            tmp_path,
            "tests.catalogue.web.schema_hooks",
            [*options, "--exclude-checks", EXCLUDED],
            token="",
            timeout_s=TIMEOUT_S,
        )
    assert "Tested: 11" in report
    assert ended(process) == ""
