"""Files on an FTP server, also over TLS (`ftps://`, AUTH TLS).

The end of a data connection proves nothing: a server that fails closes it, too. A file is complete if the server
confirms the transfer (226), its length is the SIZE, and SIZE and MDTM are the same before and after.
"""

import ftplib
import socket
import ssl
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from metrics.catalogue.collect.address import Address, Credentials, netrc_credentials
from metrics.catalogue.collect.retrying import connect_with_retries
from metrics.catalogue.collect.settings import CollectSettings
from metrics.catalogue.collect.source import AGAIN, PIECE_BYTES, UNREACHED, Source, incomplete
from metrics.wording.errors import FileError
from metrics.wording.text import in_line

TIMEOUT_S = 60

# A control connection is idle during a transfer; without probes, a firewall forgets it after some minutes.
_KEEPALIVE_S = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 30}
_HOW_TO_REPLY = {
    "530": "set FTP_USER and FTP_PASSWORD, or write the login into ~/.netrc",
    "550": "check the path: it is relative to the folder of the login, unless it begins with %2F",
}


class _Version(NamedTuple):
    """Size and modification time of a file, as the server reports them; None if it does not."""

    size_bytes: int | None
    modified: str | None

    def __str__(self) -> str:
        size = "unknown size" if self.size_bytes is None else f"{self.size_bytes:,} bytes"
        return f"{size}, modified at {self.modified or 'an unknown time'}"


class FtpFile(Source):
    """A file on an FTP server.

    Args:
        login: the user and the password.
        report: prints a line: what could not be checked, or that connecting is tried again.
    """

    def __init__(self, address: Address, login: Credentials, report: Callable[[str], None]) -> None:
        super().__init__(in_line(address.name), address.path_name, None)
        if not self.path_name:
            raise FileError(f"{self.name} is a folder", hint="name a file in it")
        self._address = address
        self._login = login
        self._report = report
        self._path = _in_latin(address.path)

    def pieces(self) -> Generator[bytes, None, None]:
        """Yield the file; it is complete if the server confirms it, and its size and time have not changed."""
        with self._errors(AGAIN), self._session() as ftp:
            before = _version(ftp, self._path)
            self.size_bytes = before.size_bytes
            received_bytes = yield from self._receive(ftp)
            is_confirmed = self._is_confirmed(ftp)
            if before.size_bytes is not None and before.size_bytes != received_bytes:
                raise incomplete(self.name, received_bytes, before.size_bytes)
            if is_confirmed:
                after = self._version_after(ftp)
            elif before.size_bytes is not None:
                after = self._version_after_reconnecting()
            else:
                raise self._unconfirmed("the control connection was lost, and the server does not report the size")
        if before != after:
            raise FileError(f"{self.name} changed while it was read", why=f"{before}; then {after}", hint=AGAIN)
        if None in before:
            self._report(f"{self.name}: {_unchecked(before)}")

    def _receive(self, ftp: ftplib.FTP) -> Generator[bytes, None, int]:
        """Yield the bytes of the data connection until it ends; return their number."""
        received_bytes = 0
        with ftp.transfercmd(f"RETR {self._path}") as data:
            try:
                while piece := data.recv(PIECE_BYTES):
                    received_bytes += len(piece)
                    yield piece
                if isinstance(data, ssl.SSLSocket):
                    with suppress(OSError):
                        data.unwrap()
            except ssl.SSLEOFError:
                if self.size_bytes is None:  # without a size, only TLS itself could show that nothing is missing
                    raise
        return received_bytes

    def _is_confirmed(self, ftp: ftplib.FTP) -> bool:
        """Return whether the server confirms the transfer; False if the control connection was lost.

        Raises:
            FileError: the server says that the transfer failed.
        """
        try:
            ftp.voidresp()
        except (OSError, EOFError):
            return False
        except ftplib.Error as error:
            if str(error).startswith("421"):  # it closes the control connection, perhaps because that was idle
                return False
            raise self._unconfirmed(_cause(error)) from error
        return True

    def _unconfirmed(self, why: str) -> FileError:
        return FileError(f"{self.name} may be incomplete: its transfer was not confirmed", why=why, hint=AGAIN)

    def _version_after(self, ftp: ftplib.FTP) -> _Version:
        try:
            return _version(ftp, self._path)
        except (OSError, EOFError, ftplib.error_temp):
            return self._version_after_reconnecting()

    def _version_after_reconnecting(self) -> _Version:
        with self._session() as ftp:
            return _version(ftp, self._path)

    @contextmanager
    def _session(self) -> Iterator[ftplib.FTP]:
        with self._errors(UNREACHED):
            errors = (OSError, EOFError, ftplib.error_temp)
            ftp = connect_with_retries(self.name, self._logged_in, errors, self._report)
        try:
            yield ftp
            with suppress(*ftplib.all_errors):
                ftp.quit()
        finally:
            ftp.close()

    def _logged_in(self) -> ftplib.FTP:
        is_tls = self._address.scheme == "ftps"
        ftp = _TlsFtp(context=ssl.create_default_context()) if is_tls else ftplib.FTP()  # noqa: S321  # FTP is asked for
        ftp.encoding = "latin-1"
        try:
            ftp.connect(self._address.host, self._address.port or ftplib.FTP_PORT, TIMEOUT_S)
            _keep_alive(ftp.sock)
            ftp.login(_in_latin(self._login.user), _in_latin(self._login.password))
            if isinstance(ftp, ftplib.FTP_TLS):
                ftp.prot_p()
            ftp.voidcmd("TYPE I")
        except BaseException:
            ftp.close()
            raise
        return ftp

    @contextmanager
    def _errors(self, hint: str) -> Iterator[None]:
        """Turn errors of the client into FileErrors.

        Raises:
            FileError: the server cannot be reached, or refuses.
        """
        try:
            yield
        except (ftplib.Error, OSError, EOFError, UnicodeError) as error:  # UnicodeError: of some host names
            why = _cause(error)
            if self._login.password:
                why = why.replace(self._login.password, "***")
            hint = _HOW_TO_REPLY.get(why[:3], hint)
            raise FileError(f"{self.name} cannot be read", why=why, hint=hint) from error


class _TlsFtp(ftplib.FTP_TLS):
    """A client whose data connections resume the TLS session of the control connection: many servers require it.

    The library's own does not (https://github.com/python/cpython/issues/63699), and takes a data connection that was
    cut off for one that has ended.
    """

    def ntransfercmd(self, cmd: str, rest: Any = None) -> tuple[socket.socket, int | None]:
        data, size_bytes = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        tls = self.context.wrap_socket(data, server_hostname=self.host, session=session, suppress_ragged_eofs=False)
        return tls, size_bytes


def login(address: Address, environment: Mapping[str, str]) -> Credentials:
    """Return the login: that of the URL, of FTP_USER and FTP_PASSWORD, of netrc, or the anonymous one.

    If only a user is given, the password is that of FTP_PASSWORD, or of this user in netrc.

    Raises:
        FileError: the netrc cannot be read.
    """
    settings = CollectSettings.load(environment)
    user = address.given.user or settings.ftp_user or ""
    password = address.given.password or settings.ftp_password or ""
    if user and password:
        return Credentials(user, password)
    found = netrc_credentials(address.host, environment)
    if found is not None and user in ("", found.user):
        return found
    return Credentials(user or "anonymous", password)


def _version(ftp: ftplib.FTP, path: str) -> _Version:
    """Return size and time of a file; None for what the server does not say."""
    size_bytes = modified = None
    with suppress(ftplib.error_perm, ValueError):
        size_bytes = ftp.size(path)
    with suppress(ftplib.error_perm):
        modified = ftp.sendcmd(f"MDTM {path}").partition(" ")[2]
    return _Version(size_bytes, modified)


def _unchecked(before: _Version) -> str:
    """Return what could not be checked, as a line."""
    if before.size_bytes is None:
        known = "its size" if before.modified is not None else "its size or its time"
        return f"the server does not report {known}, so only the server's confirmation shows that it is complete"
    return "the server does not report its time, so a change during the transfer that keeps the size goes unnoticed"


def _keep_alive(sock: socket.socket | None) -> None:
    assert sock is not None, "it is connected"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in _KEEPALIVE_S.items():
        if hasattr(socket, option):  # of Linux
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)


def _in_latin(text: str) -> str:
    """Return text whose characters are the bytes of its UTF-8: replies may have any bytes, and paths are UTF-8."""
    return text.encode().decode("latin-1")


def _cause(error: Exception) -> str:
    """Return the server's reply, or what happened to the connection."""
    if isinstance(error, ftplib.Error):
        return str(error).encode("latin-1", "replace").decode(errors="replace")
    if isinstance(error, EOFError):
        return "the server closed the control connection"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
