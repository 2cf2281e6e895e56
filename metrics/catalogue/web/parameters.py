"""Query parameters of the routes."""

from typing import Annotated

from pydantic import BaseModel, Field

from metrics.catalogue.core.models import ModelName
from metrics.catalogue.load.limits import DEFAULT
from metrics.web.formats import FormatParameter
from metrics.web.parameters import DIGITS

MAX_ID = 2**63 - 1
MAX_LOADS = MAX_REJECTED = 1_000

Id = Annotated[int, Field(ge=1, le=MAX_ID), DIGITS]
Model = Annotated[ModelName | None, Field(description="only of this model")]


class LoadsQuery(BaseModel, extra="forbid"):
    """Parameters of a request for loads."""

    model: Model = None
    before: Annotated[Id | None, Field(description="only loads with a lower id, to read on")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LOADS, description="maximum number of loads"), DIGITS] = 20
    format: FormatParameter = None


class RejectedQuery(BaseModel, extra="forbid"):
    """Parameters of a request for rejected records."""

    model: Model = None
    load: Annotated[Id | None, Field(description="only of this load")] = None
    after: Annotated[Id | None, Field(description="only records that follow the one of this id, to read on")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_REJECTED, description="maximum number of records"), DIGITS] = 100
    format: FormatParameter = None


class LoadingQuery(BaseModel, extra="forbid"):
    """Parameters of a request that sends records."""

    max_rejected: Annotated[
        str,
        Field(
            pattern=r"^([0-9]{1,18}|([0-9]{1,2}(\.[0-9]{1,6})?|100)%)$",
            description="if more records are wrong, nothing is loaded: a number, or a share of all",
            examples=["0", DEFAULT],
        ),
    ] = DEFAULT
    time_zone: Annotated[
        str | None,
        Field(
            description="of times without an offset, which are wrong without it",
            examples=["Europe/Berlin"],
            json_schema_extra={"format": "time-zone"},
        ),
    ] = None
