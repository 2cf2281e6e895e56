"""The sources that a configuration names."""

import os
import re
from collections.abc import Callable, Mapping, Sequence

from metrics.catalogue.collect.address import parse_address
from metrics.catalogue.collect.local import local_sources
from metrics.catalogue.collect.source import Source
from metrics.terminal.console import warn
from metrics.wording.errors import SettingsError
from metrics.wording.text import listed

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

# It may be a URL without its ://, and have a password; a local file of such a name is written with its folder.
_ALMOST_URL = re.compile(r"(?!\./|/[^/])(.*:.*@|(https?|ftps?|s3)(:|//))", re.IGNORECASE | re.DOTALL)

# The collectors, and the schemes that each reads; one that names a format reads any of them.
SCHEMES = {"csv": None, "json": None, "s3": ("s3",), "ftp": ("ftp", "ftps"), "http": ("http", "https")}


def sources(
    config: str,
    collector: str | None,
    environment: Mapping[str, str] = os.environ,
    report: Callable[[str], None] = warn,
) -> Sequence[Source]:
    """Return the sources that a configuration names.

    Args:
        config: a path, a folder, a pattern, `-`, or a URL: `s3://` (a key that ends in `/` names all objects under
            it), `ftp://`, `ftps://`, `http://`, `https://`.
        collector: one of SCHEMES, which must fit the configuration; None to choose by its scheme.
        environment: has FTP_USER, FTP_PASSWORD and NETRC; boto3 and httpx read that of the process.
        report: prints a line: what could not be checked, or that connecting is tried again.

    Raises:
        SettingsError: the collector does not fit, or the scheme is unknown.
        FileError: there is no such source, or it cannot be read.
    """
    scheme = _scheme(config)
    _require_fitting(scheme, collector)
    if scheme is None and _ALMOST_URL.match(config):
        raise SettingsError(
            "--config looks like a URL without its ://",  # it may have a password, so it is not shown
            hint="write it as ftp://host/path; a local file of that name as ./…",
        )
    if scheme is None:
        return local_sources(config)
    # Importing a client takes up to half a second and 30 MB, so only the one in use is imported.
    if scheme == "s3":
        from metrics.catalogue.collect.s3 import s3_sources

        return s3_sources(config)
    where = parse_address(config)
    if scheme in ("ftp", "ftps"):
        from metrics.catalogue.collect.ftp import FtpFile, login

        return [FtpFile(where, login(where, environment), report)]
    from metrics.catalogue.collect.http import Download

    return [Download(where, environment, report)]


def _scheme(config: str) -> str | None:
    match = _SCHEME.match(config)
    return match[1].lower() if match else None


def _require_fitting(scheme: str | None, collector: str | None) -> None:
    known = [name for names in SCHEMES.values() for name in names or ()]
    if scheme is not None and scheme not in known:
        raise SettingsError(
            f"there is no collector for {scheme}://",
            hint="name a path, or a URL that begins with " + listed([f"{name}://" for name in known]),
        )
    if collector is None:
        return
    if collector not in SCHEMES:
        raise SettingsError(f"there is no collector {collector}", hint=f"use {listed(list(SCHEMES))}")
    fitting = SCHEMES[collector]
    if fitting is not None and scheme not in fitting:
        raise SettingsError(
            f"the collector {collector} does not read {'local files' if scheme is None else f'{scheme}://'}",
            hint=f"name {listed([f'{name}://…' for name in fitting])}, or leave the collector out",
        )
