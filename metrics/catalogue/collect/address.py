"""Addresses of downloads, and their credentials, which never appear in a name or an error."""

import netrc
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from metrics.wording.errors import FileError, SettingsError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# A user and a password, if they are not encoded: a / ? or # in them ends the part that has the credentials.
_CREDENTIALS = re.compile(r":.*@")


class Credentials(NamedTuple):
    """A user and a password; its `repr` shows neither."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(***)"


@dataclass(frozen=True)
class Address:
    """The address of a download.

    Attributes:
        name: for people: without credentials, and without the query, which may contain some.
        url: without credentials.
        path: decoded, without its first `/`.
        given: the user and the password in it; either may be empty.
    """

    name: str
    url: str
    scheme: str
    host: str
    port: int | None
    path: str
    given: Credentials

    @property
    def path_name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def parse_address(url: str) -> Address:
    """Return the address in a URL.

    Raises:
        SettingsError: it cannot be read; the error does not show it, because it may contain a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unreadable(url) from None
    path = unquote(parts.path).removeprefix("/")
    given = Credentials(unquote(parts.username or ""), unquote(parts.password or ""))
    if not parts.hostname or any(map(_CONTROL.search, (url, path, *given))):
        raise _unreadable(url)
    _, _, beyond = url.partition("://")
    if "@" in beyond.removeprefix(parts.netloc) and _CREDENTIALS.search(beyond):
        raise _unreadable(url)
    public = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
    return Address(_name(public), public.geturl(), parts.scheme, parts.hostname, port, path, given)


def netrc_credentials(host: str, environment: Mapping[str, str]) -> Credentials | None:
    """Return the credentials for a host in the file NETRC, or `~/.netrc`; None if there are none.

    Raises:
        FileError: the file cannot be read.
    """
    path = Path(environment.get("NETRC") or Path(environment.get("HOME") or "/", ".netrc"))
    try:
        found = netrc.netrc(str(path)).authenticators(host)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(
            f"{path} cannot be read", why=error.strerror or "", hint="allow reading it, or unset NETRC"
        ) from error
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None)
        why = f"line {line} is not valid in a netrc file" if line else "it is not a valid netrc file"
        raise FileError(
            f"{path} cannot be read", why=why, hint="write: machine HOST login USER password PASSWORD"
        ) from None
    return Credentials(found[0] or "", found[2] or "") if found else None


def _name(public: SplitResult) -> str:
    return public._replace(query="").geturl() + ("?…" if public.query else "")


def _unreadable(url: str) -> SettingsError:
    scheme = url.partition(":")[0].lower()
    return SettingsError(
        f"the {scheme}:// address cannot be read",
        hint=f"write {scheme}://host/path or {scheme}://user:password@host:port/path; in a user or password, "
        "percent-encode characters such as @, :, /, # and %; after the host, write @ as %40",
    )
