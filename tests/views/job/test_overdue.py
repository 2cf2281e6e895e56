"""An answer of the database that is overdue is an outage, which is reported once, when it begins."""

from threading import Event

from metrics.kafka.job.runner import Runner
from metrics.kafka.job.sql_sink import answer_limit
from metrics.views.job.listener import Listener
from metrics.views.job.processor import ViewProcessor
from metrics.views.job.run import JobOptions, _Job
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import NoAnswerError, UnavailableError


class Heard(Listener):
    """A listener that keeps what it heard."""

    def __init__(self) -> None:
        self.outages: list[str] = []
        self.warnings: list[str] = []

    def outage(self, error: UnavailableError) -> None:
        self.outages.append(error.what)

    def warned(self, line: str) -> None:
        self.warnings.append(line)


def test_an_overdue_answer_is_an_outage_that_ends_with_the_next_commit() -> None:
    settings, stopping, heard = ViewsSettings(bootstrap_servers="127.0.0.1:1"), Event(), Heard()
    processor = ViewProcessor("", settings, answer_limit(60, stopping))
    _Job(JobOptions(), [heard], processor, Runner(processor, settings, stopping))
    overdue = "the database has not answered for 10 s"
    for _ in range(2):
        processor._answers.on_overdue()
        processor.on_outage(NoAnswerError("it is lost"))
        assert heard.outages == heard.warnings == [overdue]
    processor.on_commit(0, 12.0)
    processor.on_outage(NoAnswerError("it is away"))
    assert heard.outages == [overdue, "it is away"]
