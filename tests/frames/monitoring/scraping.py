"""The main job's METRICS_PORT, as a monitoring system reads it."""

import socket
import urllib.error
import urllib.request
from contextlib import suppress
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.kafka.application import Application


class Answer(NamedTuple):
    """What was answered; status 0 where nobody listens."""

    status: int
    text: str


class Exposed:
    """Lets an application serve its metrics at a free port, and asks there."""

    def __init__(self, application: Application) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        application.variables["METRICS_PORT"] = str(self.port)

    def get(self, path: str, method: str = "GET", host: str = "") -> Answer:
        headers = {"Host": host} if host else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode())
        except urllib.error.URLError:
            return Answer(0, "")

    def scrape(self) -> dict[str, float]:
        """Return samples by their name and labels, as they are written: `frames_lag_records{partition="0"}`."""
        samples: dict[str, float] = {}
        for family in text_string_to_metric_families(self.get("/metrics").text):
            for name, labels, value, *_ in family.samples:
                written = ",".join(f'{label}="{text}"' for label, text in sorted(labels.items()))
                samples[f"{name}{{{written}}}" if labels else name] = value
        return samples

    def value(self, sample: str) -> float | None:
        return self.scrape().get(sample)

    def total(self, name: str) -> float:
        """Return a metric summed up over its labels."""
        return sum(value for sample, value in self.scrape().items() if sample.partition("{")[0] == name)

    def is_ready(self) -> bool:
        with suppress(ConnectionError):
            return self.get("/readyz").status == 200
        return False
