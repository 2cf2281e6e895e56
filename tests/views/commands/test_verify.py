"""`views verify` as its user runs it: what it prints, and its exit codes."""

import pytest

from metrics.views import topics_in_use
from tests.kafka.application import Application
from tests.views.verify.filled import ENDS, LARGE, RECORDS, Topic, recounted


@pytest.fixture
def filled(bootstrap_servers: str, database_url: str) -> Topic:
    topic = Topic(bootstrap_servers, database_url)
    topics_in_use.create(topic.admin, topic.settings)
    topic.send(RECORDS)
    topic.fill(recounted(RECORDS), ENDS)
    return topic


def test_it_prints_what_was_compared_and_its_exit_code_says_whether_it_agrees(filled: Topic) -> None:
    variables = {
        "DATABASE_URL": filled.url,
        "VIEWS_TOPIC": filled.settings.views_topic,
        "VIEWS_REJECTED_TOPIC": filled.settings.views_rejected_topic,
    }
    application = Application(filled.settings.bootstrap_servers or "", variables)
    *_, recounted_line, verdict, said_first = application.run("views", "verify").splitlines()
    assert recounted_line == f"counted 9 records of {filled.settings.views_topic} again"
    assert verdict == "the tables agree with the topic"
    assert said_first == f"counting {filled.settings.views_topic} again, up to 9 records …"  # on standard error

    filled.execute(f"UPDATE media SET waypoints = 3, sum_sq = 9 WHERE media_id = {LARGE}")
    printed = application.run("views", "verify", exit_code=1).splitlines()
    assert f"media  media_id {LARGE}  waypoints 1, sum_sq 1  waypoints 3, sum_sq 9" in printed
    assert printed[-2] == "the tables differ from the topic"

    found = application.answer("views", "verify", "--json", exit_code=1)
    assert (found["verdict"], found["records"], found["offsets"]) == ("differs", 9, {"0": 5, "1": 2, "2": 2})
    [media] = [of for of in found["tables"] if of["differences"]]
    same = {"starts": 0, "stops": 0, "ends": 0, "viewers": 1}
    assert media["first"] == [
        {
            "row": {"media_id": str(LARGE)},
            "recount": {"waypoints": 1, "sum_sq": "1"} | same,
            "stored": {"waypoints": 3, "sum_sq": "9"} | same,
        }
    ]
