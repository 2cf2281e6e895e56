"""The command line with a SQL sink whose time limits are a fifth, so that a database may be frozen for seconds only."""

import sys
from pathlib import Path
from typing import NamedTuple

from metrics.kafka.job import sql_sink
from tests.kafka.application import PROJECT, Application


class Limits(NamedTuple):
    """Time limits of the SQL sink, in seconds."""

    lock_s: int
    answer_s: int


TRUE, SHORT = Limits(20, 30), Limits(4, 6)


class Impatient(Application):
    """The application with the short limits."""

    def command(self, *arguments: str | Path) -> list[str | Path]:
        return [sys.executable, "-m", "tests.catalogue.kafka_job.impatient", *arguments]


def with_limits(application: Application, limits: Limits) -> Application:
    """Return the application that has these limits."""
    kind = Impatient if limits == SHORT else Application
    variables = application.variables | {"PYTHONPATH": str(PROJECT)}
    return kind(application.bootstrap_servers, variables, application.name)


def shorten() -> None:
    """Replace the true limits by the short ones."""
    assert [*TRUE] == [sql_sink.LOCK_TIMEOUT_S, sql_sink.LEAST_ANSWER_S]
    for true_s, short_s in zip(TRUE, SHORT, strict=True):
        assert sql_sink._SESSION.count(f"'{true_s}s'") == 1
        sql_sink._SESSION = sql_sink._SESSION.replace(f"'{true_s}s'", f"'{short_s}s'")
    sql_sink.LOCK_TIMEOUT_S, sql_sink.LEAST_ANSWER_S = SHORT


if __name__ == "__main__":
    from metrics.__main__ import main

    shorten()
    main()
