"""Parameters of the routes, and the body that starts a run."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from metrics.harvest.settings import MAX_SECONDS, MAX_TIMES, MIN_SECONDS
from metrics.web.formats import FormatParameter
from metrics.web.parameters import DIGITS

MAX_RUNS = MAX_USERS = MAX_EVENTS = 1_000
MAX_ID = 2**63 - 1
MAX_EVENT = 10**15
MAX_NAME = 1_000  # characters

RUN = "name of a run, such as `20231207_170121`, or `latest`: the one that started last of those that have ended"


def _whole(number: object) -> object:
    """Return a float with an integral value as an integer; anything else unchanged."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


class OriginalQuery(BaseModel, extra="forbid"):
    """Parameter of the routes of the original."""

    run: Annotated[str | None, Field(description=f"{RUN}; all runs without it")] = None


class RunsQuery(BaseModel, extra="forbid"):
    """Parameters of a request for runs."""

    before: Annotated[str | None, Field(description="only runs that started before this one, to read on")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_RUNS, description="maximum number of runs"), DIGITS] = 20


class UsersQuery(BaseModel, extra="forbid"):
    """Parameters of a request for the users of a run."""

    after: Annotated[
        int | None, Field(ge=-MAX_ID, le=MAX_ID, description="only users with a higher id, to read on"), DIGITS
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_USERS, description="maximum number of users"), DIGITS] = 100


class EventsQuery(BaseModel, extra="forbid"):
    """Parameters of a request for the events of a run."""

    after: Annotated[
        int,
        Field(ge=0, le=MAX_EVENT, description="only events with a higher number, to read on; ignored for CSV"),
        DIGITS,
    ] = 0
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_EVENTS, description="maximum number of events; ignored for CSV, which has all of them"),
        DIGITS,
    ] = 100
    format: FormatParameter = None


class StartBody(BaseModel):
    """The rule that stops a run; missing members are as set for the server (HARVEST_SECONDS, …)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: (
        Annotated[float, Field(ge=MIN_SECONDS, le=MAX_SECONDS, description="seconds after which it stops")] | None
    ) = None
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, description="first name that stops it")] | None = None
    times: (
        Annotated[
            int,
            Field(ge=1, le=MAX_TIMES, description="stop after this many events of users with that name"),
            BeforeValidator(_whole),
        ]
        | None
    ) = None
