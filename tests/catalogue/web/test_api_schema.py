"""The API against its own OpenAPI document, by schemathesis: what that allows is tried, and what it does not."""

from pathlib import Path

import pytest

from tests.catalogue.web.serving import create_tables
from tests.catalogue.web.test_serve import ended, serving
from tests.frames.web.test_serve import TOKEN
from tests.web.conforming import require_conforming

OPTIONS = ["--max-examples", "10", "--request-timeout", "30"]
# Whether a record is right, a schema cannot say: times have offsets, one movie of a review has a title.
OF_METHOD = {
    "GET": [],
    "POST": ["--exclude-checks", "positive_data_acceptance,negative_data_rejection"],
}
TIMEOUT_S = 600
# Each time, reading is tried without a token and writing with one.
OTHERS = [pytest.param("GET", TOKEN, marks=pytest.mark.long), pytest.param("POST", "", marks=pytest.mark.long)]


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize(("method", "token"), [("GET", ""), ("POST", TOKEN), *OTHERS])
def test_every_response_conforms_to_the_openapi_document(
    database_url: str, tmp_path: Path, method: str, token: str
) -> None:
    create_tables(database_url)
    with serving(DATABASE_URL=database_url, API_TOKEN=token) as (process, client):
        options = ["--include-method", method, *OPTIONS, *OF_METHOD[method]]
        report = require_conforming(
            client, tmp_path, "tests.catalogue.web.schema_hooks", options, token=token, timeout_s=TIMEOUT_S
        )
        assert f"Tested: {12 if method == 'GET' else 6}" in report
        assert ended(process) == ""
