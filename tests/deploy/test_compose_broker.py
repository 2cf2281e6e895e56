"""The health check of the broker in docker-compose.yml, run by bash outside of a container."""

import socket
import subprocess
from pathlib import Path
from threading import Thread

import yaml

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"


def check(address: str) -> int:
    """Ask the broker at this address as compose would; gives the exit code."""
    service = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["broker"]
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    assert "/dev/tcp/broker/29092" in command[-1]
    host, _, port = address.rpartition(":")
    command[-1] = command[-1].replace("broker/29092", f"{host}/{port}").replace("$$", "$")
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode


def test_a_broker_that_answers_is_healthy(bootstrap_servers: str) -> None:
    assert check(bootstrap_servers) == 0


def test_a_port_that_is_closed_is_not_healthy() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        assert check(f"127.0.0.1:{unheard.getsockname()[1]}") == 1


def test_a_port_that_is_open_and_answers_nothing_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert check(f"127.0.0.1:{server.getsockname()[1]}") == 1


def test_a_port_that_hangs_up_is_not_healthy() -> None:
    def hang_up() -> None:
        server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=hang_up)
        thread.start()
        assert check(f"127.0.0.1:{server.getsockname()[1]}") != 0
        thread.join()
