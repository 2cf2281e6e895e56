"""Settings of the connection to PostgreSQL, and of the local database."""

import re
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings.declared import Declared
from metrics.settings.values import NonEmpty

# Programs that use SQLAlchemy name a driver in the scheme: postgresql+psycopg2://…
_SCHEME = re.compile(r"postgres(ql)?(\+\w+)?(?=://)")


def _has_scheme(text: str) -> bool:
    return _SCHEME.match(text) is not None


def without_driver(url: str) -> str:
    """Return a database's URL as libpq reads it: `postgresql+psycopg2://…` is `postgresql://…`."""
    return _SCHEME.sub("postgresql", url, count=1)


@dataclass(frozen=True, kw_only=True)
class PostgresSettings(Declared):
    """Settings of the database."""

    database_url: Annotated[
        str | None,
        Meta(
            description="PostgreSQL 14 or newer to use; a `+driver` in it is ignored, and libpq's own variables "
            "(PGPASSWORD, PGSSLMODE, …) and `~/.pgpass` apply. Unset: a local database is started.",
            extra={
                "allowed": "postgresql://user:password@host:port/database",
                "is_allowed": _has_scheme,
                "is_secret": True,
            },
        ),
    ] = None
    database_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="Retry budget of a job that commits to the database: seconds of wall time to retry during an "
            "outage of it before giving up; nothing is lost then.",
        ),
    ] = 60
    local_database_dir: Annotated[
        NonEmpty,
        Meta(description="Local database's folder, relative to the clone or, if installed, the working folder."),
    ] = ".local-postgres"
