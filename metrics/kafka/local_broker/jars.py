"""The jars of Apache Kafka: found in the local Maven repository, or downloaded into it once.

jgo resolves the dependencies and downloads the files; it needs neither Maven nor Java. It is an optional package, so
only code that starts the local broker may import this module.
"""

import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path

import requests
from jgo.maven import Artifact, Dependency, MavenContext, PythonResolver

from metrics.deadline import Deadline
from metrics.errors import FileError, LocalServerError
from metrics.kafka.local_broker.node import INSTEAD, KAFKA_VERSION, Say

# Kafka's package omits the binding of its log calls to Log4j, without which a broker logs nothing. The version is that
# of the Log4j shipped with Kafka; before Kafka 4, that was Log4j 1, as reload4j.
_LOG4J = ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4")
_LOG4J_1 = ("org.slf4j", "slf4j-reload4j", "1.7.36")

_TRIES = 3
_ANSWER_TIMEOUT_S = 5
# A host may have several addresses, each of which may time out on each try: this bounds them all.
_STALL_TIMEOUT_S = 10.0
_SAY_EVERY_S = 5.0
_CONNECTIONS = 4


def class_path(say: Say, version: str = KAFKA_VERSION) -> list[Path]:
    """Return the jars of Kafka and its dependencies; download them first if any is missing.

    The network is used only then. The local Maven repository is `$M2_REPO`, or else `~/.m2/repository`.

    Args:
        say: called with a line for each step of the download.

    Raises:
        LocalServerError: jars are missing and cannot be downloaded, or nothing arrived for 10 s.
        FileError: the local Maven repository cannot be written.
    """
    repository = MavenContext().repo_cache
    try:
        return _jars_in(repository, version)
    except _IncompleteError:
        _fetch_into(repository, version, say)
        return _jars_in(repository, version)


class _IncompleteError(Exception):
    """A file that Kafka needs is missing and unavailable, or is something else: truncated, or a proxy's error page."""


class _Resolver(PythonResolver):
    """A resolver that finds only what is in the repository.

    If a POM is unavailable, jgo carries on without the dependencies it names; so failures are recorded here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = []

    def download(self, artifact: Artifact) -> Path | None:
        error = _IncompleteError(f"{artifact} is missing")
        self.failures.append(error)
        raise error


class _Fetcher(_Resolver):
    """A resolver that downloads what is not in the repository."""

    def __init__(self, arrived: "_Arrived") -> None:
        super().__init__()
        self.progress_callback = arrived.file

    def download(self, artifact: Artifact) -> Path | None:
        failure: Exception
        for _ in range(_TRIES):
            try:
                return PythonResolver.download(self, artifact)
            except requests.RequestException as error:
                failure = error
                if artifact.cached_path is not None:
                    artifact.cached_path.unlink(missing_ok=True)
            except Exception as error:
                failure = error
                break
        self.failures.append(failure)
        raise failure


class _Arrived:
    """A count of what has arrived. Threads update it without a lock: a display that lags a chunk does no harm."""

    def __init__(self) -> None:
        self.started_s = time.monotonic()
        self.stall = Deadline(_STALL_TIMEOUT_S)
        self.files = 0
        self.size_bytes = 0

    @contextmanager
    def file(self, _name: str, _size_bytes: int) -> Iterator[Callable[[int], None]]:
        """Count one file, through the interface jgo expects."""
        yield self._chunk
        self.files += 1

    def _chunk(self, size_bytes: int) -> None:
        self.stall.renew()
        self.size_bytes += size_bytes

    def __str__(self) -> str:
        return f"{self.files} files, {self.size_bytes / 1e6:.1f} MB in {time.monotonic() - self.started_s:.0f} s"


def _artifacts(repository: Path, version: str, resolver: _Resolver) -> Sequence[Artifact]:
    """Resolve the artifacts of the class path."""
    context = MavenContext(resolver=resolver, repo_cache=repository, timeout=_ANSWER_TIMEOUT_S)
    # Unless raw, one component would dictate the versions of the other's dependencies.
    components = ("org.apache.kafka", "kafka_2.13", version), _LOG4J_1 if version.startswith("3.") else _LOG4J
    wanted = [
        Dependency(context.project(group, name).at_version(its).artifact(), scope="compile", raw=True)
        for group, name, its in components
    ]
    own, transitive = resolver.resolve(wanted)
    if resolver.failures:
        raise resolver.failures[0]
    return [found.artifact for found in own + transitive if found.scope in {"compile", "runtime"}]


def _jars_in(repository: Path, version: str) -> list[Path]:
    try:
        jars = [artifact.resolve() for artifact in _artifacts(repository, version, _Resolver())]
    except Exception as error:  # including any parser error about a file that is not a POM
        raise _IncompleteError(str(error)) from error
    for jar in jars:
        if not zipfile.is_zipfile(jar):
            raise _IncompleteError(f"{jar.name} is not a jar")
    return jars


def _fetch_into(repository: Path, version: str, say: Say) -> None:
    """Download into a temporary folder, then move file by file: files in the repository are always complete."""
    say(f"local broker: fetching Apache Kafka {version} from Maven Central, once (about 46 MB) …")
    arrived = _Arrived()
    try:
        repository.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=repository, prefix=".fetch-", ignore_cleanup_errors=True) as beside:
            _fetch(Path(beside), version, arrived, say)
            _jars_in(Path(beside), version)
            for file in Path(beside).rglob("*"):
                if file.is_file():
                    target = repository / file.relative_to(beside)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file.replace(target)
    except _IncompleteError as error:
        raise LocalServerError(
            f"Apache Kafka {version} cannot be fetched from Maven Central (arrived so far: {arrived})",
            why=str(error),
            hint=f"see that this machine reaches Maven Central (HTTPS_PROXY names a proxy), and try again\n{INSTEAD}",
        ) from error
    except OSError as error:
        raise FileError(
            f"the local Maven repository {repository} cannot be written",
            why=str(error),
            hint="set M2_REPO to a folder that can be, with 100 MB free",
        ) from error
    say(f"local broker: fetched {arrived}, kept in {repository}")


def _fetch(folder: Path, version: str, arrived: _Arrived, say: Say) -> None:
    with ThreadPool(_CONNECTIONS + 1) as pool:  # daemon threads: one that hangs blocks nothing
        found = partial(_artifacts, folder, version, _Fetcher(arrived))
        fetched = pool.apply_async(lambda: pool.map(Artifact.resolve, found(), 1))
        quiet = Deadline(_SAY_EVERY_S)
        while not fetched.ready():
            fetched.wait(0.2)
            if arrived.stall.has_passed():
                raise _IncompleteError(f"nothing arrived for {_STALL_TIMEOUT_S:.0f} s")
            if quiet.has_passed():
                quiet.renew()
                say(f"local broker: fetching … {arrived}")
        try:
            fetched.get()
        except Exception as error:
            if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
                raise
            raise _IncompleteError(str(error)) from error
