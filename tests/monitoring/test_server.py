"""Metrics and health of a job of any system: it brings a registry, and knows its own health."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from metrics.monitoring.server import exposed_over_http
from metrics.monitoring.settings import MonitoringSettings
from metrics.wording.errors import SettingsError


class Job:
    """A job whose health a test sets."""

    def __init__(self) -> None:
        self.not_alive: str | None = None
        self.not_ready: str | None = "starting"

    def why_not_alive(self) -> str | None:
        return self.not_alive

    def why_not_ready(self) -> str | None:
        return self.not_ready


@pytest.fixture
def job() -> Job:
    return Job()


@pytest.fixture
def client(job: Job) -> Iterator[httpx.Client]:
    registry = CollectorRegistry()
    Counter("reports_written", "Reports written.", registry=registry).inc(3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        exposed_over_http(MonitoringSettings(metrics_port=port), registry, job),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        yield client


def test_metrics_come_in_the_format_that_is_accepted_and_with_those_of_the_process(client: httpx.Client) -> None:
    plain = client.get("/metrics")
    assert plain.headers["Content-Type"].startswith("text/plain; version=")
    assert "reports_written_total 3.0\n" in plain.text
    assert "process_cpu_seconds_total" in plain.text
    open_metrics = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert open_metrics.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.text.endswith("# EOF\n")
    assert {answer.headers["Cache-Control"] for answer in (plain, open_metrics)} == {"no-store"}


def test_health_is_what_the_job_says(client: httpx.Client, job: Job) -> None:
    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 503)
    assert client.get("/readyz").text == "not ready: starting\n"
    job.not_alive, job.not_ready = "it is stuck", None
    assert (client.get("/healthz").status_code, client.get("/healthz").text) == (503, "it is stuck\n")
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (200, "ready\n")


def test_only_reading_is_allowed(client: httpx.Client) -> None:
    refused = client.post("/metrics")
    assert (refused.status_code, {*refused.headers["Allow"].split(", ")}) == (405, {"GET", "HEAD"})
    for path in ("/metrics/", "/healthz/", "/docs"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "a@b"])
def test_on_loopback_metrics_are_refused_to_another_host_and_health_is_not(client: httpx.Client, host: str) -> None:
    assert client.get("/metrics", headers={"Host": host}).status_code == 403
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_port_in_use_is_an_error_that_names_the_setting(client: httpx.Client, job: Job) -> None:
    taken = client.base_url.port
    assert taken is not None
    with (
        pytest.raises(SettingsError, match=f"METRICS_PORT={taken}: cannot bind to 127.0.0.1:{taken}") as error,
        exposed_over_http(MonitoringSettings(metrics_port=taken), CollectorRegistry(), job),
    ):
        pass
    assert error.value.why == "Address already in use"
