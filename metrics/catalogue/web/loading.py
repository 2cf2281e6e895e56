"""Loads of records that come with requests."""

from typing import Any

import msgspec
from psycopg import errors
from starlette.exceptions import HTTPException

from metrics.catalogue.core.models import Model
from metrics.catalogue.load.limits import Limit
from metrics.catalogue.load.loads import Connection
from metrics.catalogue.load.rejected import rejected_records
from metrics.catalogue.load.run import LoadRefusedError, Options, load
from metrics.catalogue.web.answers import Loaded
from metrics.catalogue.web.parameters import LoadingQuery
from metrics.catalogue.web.received import Received, TooManyRecordsError
from metrics.time.zones import zone_of
from metrics.web import problems
from metrics.web.problems import Problem, WrongField
from metrics.wording.errors import DatabaseError, FileError, SettingsError

MAX_NAMED = 100  # rejected records in one answer
LOCK_TIMEOUT_S = 10


class _Unwatched:
    """Progress that is not shown: the answer comes at the end."""

    def say(self, line: str) -> None:
        pass

    def move(self) -> None:
        pass

    def merge(self, records: int) -> None:
        pass


def options_of(model: Model, wanted: LoadingQuery) -> Options:
    """Return the options of a load.

    Raises:
        RequestValidationError: the time zone is unknown.
    """
    try:
        zone = None if wanted.time_zone is None else zone_of(wanted.time_zone)
    except SettingsError as error:
        raise problems.wrong_field("time_zone", problems.in_one_line(error)) from error
    return Options(model, zone=zone, max_rejected=Limit.of("max_rejected", wanted.max_rejected))


def load_received(connection: Connection, options: Options, received: Received) -> Loaded | Problem:
    """Load the records of a request; return the outcome, or why nothing was loaded.

    Raises:
        DatabaseError: the database is away.
        HTTPException: 503, another load of the model, or a lock of another program, takes too long.
    """
    connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
    try:
        outcome = load(connection, options, received, _Unwatched())
    except LoadRefusedError as error:
        return _refusal(connection, error)
    except TooManyRecordsError as error:
        return problems.of(413, problems.in_one_line(error))
    except FileError as error:
        return problems.of(422, f"{error.what}: {error.why}" if error.why else error.what)
    except DatabaseError as error:
        if isinstance(error.__cause__, errors.LockNotAvailable):
            busy = f"{error.what}; try again later"
            raise HTTPException(503, busy, {"Retry-After": f"{LOCK_TIMEOUT_S}"}) from error
        raise
    members: dict[str, Any] = msgspec.structs.asdict(outcome.load)
    return Loaded(**members, rejected_by_reason=outcome.rejections.by_reason, same_as=outcome.same_as)


def _refusal(connection: Connection, error: LoadRefusedError) -> Problem:
    """Return a refusal that names the first rejected records; all of them are kept under the load's id."""
    rejected = rejected_records(connection, load_id=error.load.id, limit=MAX_NAMED)
    wrong = [WrongField(record.position, record.detail) for record in rejected]
    see = f"see all of them at /catalogue/rejected?load={error.load.id}, or allow more: ?max_rejected=N or P%"
    return problems.of(422, f"{error.what}: {error.why}; {see}", wrong)
