"""Views as a system of the web server."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from metrics.postgres.address import address_of
from metrics.views import schema
from metrics.views.settings import ViewsSettings
from metrics.views.taking.taker import Taker
from metrics.views.web import original, responses, taking
from metrics.views.web.kept_similar import KeptSimilar
from metrics.views.web.page import page
from metrics.views.web.recent import Recent
from metrics.views.web.routes import routes
from metrics.views.web.status import StatusReader
from metrics.web.app import System
from metrics.web.database import Database

ANSWER_S = 30.0
ERROR_FORMS = {taking.EVENT_PATHS: taking.form_of_error, original.PATHS: original.form_of_error}


@contextmanager
def open_system(settings: ViewsSettings, taker: Taker, report: Callable[[str], None]) -> Iterator[System]:
    """Yield views over its broker and its database, of which each may be away while the other one is used.

    It is ready as long as it can take events, even without its database: a server that is not ready gets no requests,
    and events would be lost.

    Args:
        taker: closed at the end.
        report: called with each message of the local database.
    """
    address = address_of(settings, report, "views has no database yet", schema.INIT_DB)
    prepared = Database(
        address, "the database of views", lambda connection: schema.use_tables(connection, settings), answer_s=ANSWER_S
    )
    with closing(taker), closing(prepared) as database:
        similar, status = KeptSimilar(database), StatusReader(database, settings, lambda: taker.figures)

        def stop() -> None:
            taker.stop()
            database.stop()

        yield System(
            routers=[taking.routes(taker, settings), *routes(database, similar, status)],
            answers=[*taking.ANSWERS, *responses.ANSWERS],
            pages=[page(Recent(database, status, similar), settings)],
            why_not_ready=taker.why_not_ready,
            tick=lambda: None,
            stop=stop,
            error_forms=ERROR_FORMS,
        )
