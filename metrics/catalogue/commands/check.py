"""`catalogue check`: finds orphans and implausible records."""

import msgspec

from metrics.catalogue.commands.database import use_catalogue
from metrics.catalogue.commands.options import Json
from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load.remarks import findings
from metrics.catalogue.load.text import describe_remark
from metrics.terminal.console import say, say_lines
from metrics.wording.errors import MetricsError
from metrics.wording.text import numbered


def check(*, json: Json = False) -> None:
    """Find records that refer to unknown ones, and implausible ones.

    The exit code is 1 if there are any.

    Example: `python app.py catalogue check`
    """
    with use_catalogue() as (_, connection):
        found = findings(connection, MODELS)
    if json:
        say_lines(
            msgspec.json.encode(msgspec.to_builtins(remark) | {"model": model}).decode() for model, remark in found
        )
    else:
        for _, remark in found:
            say(describe_remark(remark))
    if found:
        raise MetricsError(
            f"found {numbered(sum(remark.number for _, remark in found), 'orphan or implausible record')}"
        )
    if not json:
        say("found no orphans and no implausible records")
