"""A server against its own OpenAPI document, by schemathesis: what that allows is tried, and what it does not."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.kafka.application import PROJECT


def require_conforming(
    client: httpx.Client, folder: Path, hooks: str, options: Sequence[str], *, token: str, timeout_s: int
) -> str:
    """Try requests to a server, and return the report; every response has to conform.

    Args:
        hooks: a module that schemathesis loads.
    """
    document = str(client.base_url.join("/openapi.json"))
    shown = ["--header", f"Authorization: Bearer {token}"] if token else []
    ended = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "run", document, "--continue-on-failure", *options, *shown],
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": hooks, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout
