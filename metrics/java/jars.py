"""The jars of a product: found in the local Maven repository, or downloaded into it once.

jgo resolves the dependencies and downloads the files; it needs neither Maven nor Java. It is an optional package, so
only code that starts a local server may import this module.
"""

import filecmp
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

import requests
from jgo.maven import Artifact, Dependency, MavenContext, PythonResolver

from metrics.java.processes import Say
from metrics.time.deadline import Deadline
from metrics.wording.errors import FileError, LocalServerError

_TRIES = 3
_ANSWER_TIMEOUT_S = 5
# A host may have several addresses, each of which may time out on each try: this bounds them all.
_STALL_TIMEOUT_S = 10.0
_SAY_EVERY_S = 5.0
_CONNECTIONS = 4


class Component(NamedTuple):
    """Artifact that is asked for by name; it brings its dependencies."""

    group: str
    name: str
    version: str


class Product(NamedTuple):
    """Program in Java, and what to say while it is fetched.

    Attributes:
        name: with its version, such as Apache Kafka 4.3.1.
        server: the local server that runs it, for messages.
        size_mb: of its jars and their descriptions.
        instead: a hint at what to use if it cannot be fetched.
    """

    name: str
    server: str
    components: Sequence[Component]
    size_mb: int
    instead: str


def class_path(product: Product, say: Say) -> list[Path]:
    """Return the jars of a product and its dependencies; download them first if any is missing.

    The network is used only then. The local Maven repository is `$M2_REPO`, or else `~/.m2/repository`.

    Args:
        say: called with a line for each step of the download.

    Raises:
        LocalServerError: jars are missing and cannot be downloaded, or nothing arrived for 10 s.
        FileError: the local Maven repository cannot be written.
    """
    repository = MavenContext().repo_cache
    try:
        return _jars_in(repository, product)
    except _IncompleteError:
        _fetch_into(repository, product, say)
        return _jars_in(repository, product)


class _IncompleteError(Exception):
    """A file of the product is missing and unavailable, or is something else: truncated, or a proxy's error page."""


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


def _artifacts(repository: Path, product: Product, resolver: _Resolver) -> Sequence[Artifact]:
    """Resolve the artifacts of the class path."""
    context = MavenContext(resolver=resolver, repo_cache=repository, timeout=_ANSWER_TIMEOUT_S)
    # Unless raw, one component would dictate the versions of the other's dependencies.
    wanted = [
        Dependency(context.project(group, name).at_version(version).artifact(), scope="compile", raw=True)
        for group, name, version in product.components
    ]
    own, transitive = resolver.resolve(wanted)
    if resolver.failures:
        raise resolver.failures[0]
    return [found.artifact for found in own + transitive if found.scope in {"compile", "runtime"}]


def _jars_in(repository: Path, product: Product) -> list[Path]:
    try:
        jars = [artifact.resolve() for artifact in _artifacts(repository, product, _Resolver())]
    except Exception as error:  # including any parser error about a file that is not a POM
        raise _IncompleteError(str(error)) from error
    for jar in jars:
        if not zipfile.is_zipfile(jar):
            raise _IncompleteError(f"{jar.name} is not a jar")
    return jars


def _fetch_into(repository: Path, product: Product, say: Say) -> None:
    """Download into a temporary folder, then move what is new: files in the repository are always complete.

    Files that another product shares keep their time, by which Java knows whether its cache of classes is still valid.
    """
    say(f"{product.server}: fetching {product.name} from Maven Central, once (about {product.size_mb} MB) …")
    arrived = _Arrived()
    try:
        repository.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=repository, prefix=".fetch-", ignore_cleanup_errors=True) as beside:
            _fetch(Path(beside), product, arrived, say)
            _jars_in(Path(beside), product)
            for file in Path(beside).rglob("*"):
                target = repository / file.relative_to(beside)
                if file.is_file() and not (target.exists() and filecmp.cmp(file, target, shallow=False)):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file.replace(target)
    except _IncompleteError as error:
        raise LocalServerError(
            f"{product.name} cannot be fetched from Maven Central (arrived so far: {arrived})",
            why=str(error),
            hint="see that this machine reaches Maven Central (HTTPS_PROXY names a proxy), and try again\n"
            f"{product.instead}",
        ) from error
    except OSError as error:
        raise FileError(
            f"the local Maven repository {repository} cannot be written",
            why=str(error),
            hint=f"set M2_REPO to a folder that can be, with {2 * product.size_mb} MB free",
        ) from error
    say(f"{product.server}: fetched {arrived}, kept in {repository}")


def _fetch(folder: Path, product: Product, arrived: _Arrived, say: Say) -> None:
    with ThreadPool(_CONNECTIONS + 1) as pool:  # daemon threads: one that hangs blocks nothing
        found = partial(_artifacts, folder, product, _Fetcher(arrived))
        fetched = pool.apply_async(lambda: pool.map(Artifact.resolve, found(), 1))
        quiet = Deadline(_SAY_EVERY_S)
        while not fetched.ready():
            fetched.wait(0.2)
            if arrived.stall.has_passed():
                raise _IncompleteError(f"nothing arrived for {_STALL_TIMEOUT_S:.0f} s")
            if quiet.has_passed():
                quiet.renew()
                say(f"{product.server}: fetching … {arrived}")
        try:
            fetched.get()
        except Exception as error:
            if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
                raise
            raise _IncompleteError(str(error)) from error
