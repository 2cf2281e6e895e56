"""Settings of the collectors, apart from those of their libraries."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings.declared import Declared


@dataclass(frozen=True, kw_only=True)
class CollectSettings(Declared):
    """The login to an FTP server."""

    ftp_user: Annotated[
        str | None,
        Meta(
            description="User for `ftp://` and `ftps://` addresses that name none. Unset: that of `~/.netrc` (or the "
            "file `NETRC`), else anonymous."
        ),
    ] = None
    ftp_password: Annotated[str | None, Meta(description="Password for an FTP server.", extra={"is_secret": True})] = (
        None
    )
