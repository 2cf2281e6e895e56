"""A real Prometheus scrapes the main job: the dashboard and the alerts ask for what is there."""

import json
import math
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deploy.observing import FOLDER, alerts, program, targets
from tests.frames.monitoring.scraping import Exposed
from tests.kafka.application import LIVE, Application, finish, frame, wait_until

CONFIG = """\
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: frames
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
def prometheus(folder: Path, scraped_port: int) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes a port of this machine, with the alerts as they are."""
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=FOLDER / "alerts.yml", port=scraped_port))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"config.file": config, "storage.tsdb.path": folder / "data", "web.listen-address": f"127.0.0.1:{port}"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [program("prometheus"), *(f"--{name}={value}" for name, value in options.items())], stderr=log
        )
    try:
        yield Prometheus(port)
    finally:
        process.kill()
        process.wait()


def asked(expression: str) -> str:
    """Return an expression of the dashboard as Grafana sends it."""
    return expression.replace("$instance", ".*").replace("$__rate_interval", "4s").replace("[5m]", "[4s]")


def test_every_expression_of_dashboard_and_alerts_is_answered_with_data(
    application: Application, tmp_path: Path
) -> None:
    exposed = Exposed(application)
    application.variables |= {"LATENESS_S": "0"}
    application.create_topics(2)
    application.send([frame(int(time.time()) - 120, "a")])  # its minute is closed soon
    unanswered = {f"{title}: {target['legendFormat']}": asked(target["expr"]) for title, target in targets()}

    def is_answered() -> bool:
        now = int(time.time())
        for partition in (0, 1):
            application.send([frame(now, "a"), frame(now - 1, "b"), b"{"], partition)
        for name, expression in list(unanswered.items()):
            if there.values(expression):
                del unanswered[name]
        print("without data:", ", ".join(unanswered))
        return not unanswered

    process = application.start()
    with prometheus(tmp_path, exposed.port) as there:
        wait_until(there.is_ready, "Prometheus answers")
        wait_until(lambda: there.values("up") == [1], "it has scraped the job")
        wait_until(is_answered, "all is answered")
        for rule in alerts():
            for name in re.findall(r"\b(?:frames_\w+|up)\b", rule["expr"]):
                assert there.values(name), f"{rule['alert']} asks for {name}"
        groups = there.get("api/v1/rules")["groups"]
        assert {(rule["name"], rule["health"]) for group in groups for rule in group["rules"]} == {
            (rule["alert"], "ok") for rule in alerts()
        }
    process.send_signal(signal.SIGINT)
    finish(process)


def test_the_names_of_the_metrics_are_as_prometheus_wants_them(application: Application) -> None:
    exposed = Exposed(application)
    application.create_topics()
    process = application.start()
    wait_until(exposed.is_ready, "it is ready")
    application.send([frame(1468244340 + after, "a") for after in (0, 70)], timestamp=LIVE)
    wait_until(lambda: exposed.total("frames_consumed_total") == 2, "the frames are read")
    wait_until(lambda: exposed.total("frames_unique_users") == 1, "the minute is closed")
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=exposed.get("/metrics").text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    process.send_signal(signal.SIGINT)
    finish(process)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
