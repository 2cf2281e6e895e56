"""A real Prometheus that scrapes a process of this machine, with the alerts as they are."""

import json
import math
import re
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deploy.observing import FOLDER, alerts, program, targets
from tests.kafka.application import wait_until

CONFIG = """\
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Prometheus:
    """Asks a Prometheus by its HTTP API."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        address = f"{self._address}/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def values(self, expression: str) -> list[float]:
        """Return the value of each series that there is now, but for those without any."""
        found = [float(series["value"][1]) for series in self.get("api/v1/query", query=expression)["result"]]
        return [value for value in found if not math.isnan(value)]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._address}/-/ready", timeout=10):
                return True
        except urllib.error.HTTPError as error:
            error.close()
        except urllib.error.URLError:
            pass
        return False


@contextmanager
def prometheus(folder: Path, job: str, scraped_port: int) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes a port of this machine as a job, and wait until it has."""
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=FOLDER / "alerts.yml", job=job, port=scraped_port))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"config.file": config, "storage.tsdb.path": folder / "data", "web.listen-address": f"127.0.0.1:{port}"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [program("prometheus"), *(f"--{name}={value}" for name, value in options.items())], stderr=log
        )
    try:
        started = Prometheus(port)
        wait_until(started.is_ready, "Prometheus answers")
        wait_until(lambda: started.values("up") == [1], "it has scraped the job")
        yield started
    finally:
        process.kill()
        process.wait()


def asked(expression: str) -> str:
    """Return an expression of a dashboard as Grafana sends it."""
    for variable, value in {"$instance": ".*", "$__rate_interval": "4s", "$__range": "10m", "[5m]": "[4s]"}.items():
        expression = expression.replace(variable, value)
    return expression


class Unanswered:
    """The expressions of a dashboard that have had no data yet."""

    def __init__(self, there: Prometheus, dashboard: str) -> None:
        self._there = there
        self._left = {
            f"{title}: {target['legendFormat']}": asked(target["expr"]) for title, target in targets(dashboard)
        }

    def is_empty(self) -> bool:
        """Ask for those that are left, and print their names."""
        self._left = {name: expression for name, expression in self._left.items() if not self._there.values(expression)}
        print("without data:", ", ".join(self._left))
        return not self._left


def assert_alerts_have_data(there: Prometheus, system: str) -> None:
    """Check that the metrics of a system's alerts are there, and that all rules can be evaluated."""
    for rule in alerts():
        for name in re.findall(rf"\b(?:{system}_\w+|up)\b", rule["expr"]):
            assert there.values(name), f"{rule['alert']} asks for {name}"
    groups = there.get("api/v1/rules")["groups"]
    assert {(rule["name"], rule["health"]) for group in groups for rule in group["rules"]} == {
        (rule["alert"], "ok") for rule in alerts()
    }


def assert_names_are_as_prometheus_wants(metrics: str) -> None:
    """Check what a process exposes by Prometheus' own rules of names and texts."""
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=metrics,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
