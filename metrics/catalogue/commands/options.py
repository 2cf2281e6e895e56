"""Options that several commands of the catalogue have."""

from enum import StrEnum
from typing import Annotated

import typer

from metrics.catalogue.core.models import MODELS

ModelName = StrEnum("ModelName", {name: name for name in MODELS})  # type: ignore[misc]  # its members are the table's
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
