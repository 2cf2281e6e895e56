"""What the command refuses, and what it says."""

import pytest

from tests.catalogue.kafka_job.topic import Topic, movie
from tests.kafka.application import Application

FROM_TOPIC = ("--config", "kafka://movies")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*FROM_TOPIC, "--snapshot"), "--snapshot cannot be used here"),
        ((*FROM_TOPIC, "--max-rejected", "5"), "--max-rejected cannot be used here"),
        ((*FROM_TOPIC, "--dry-run"), "--dry-run cannot be used here"),
        ((*FROM_TOPIC, "--rejected-of", "1"), "--rejected-of cannot be used here"),
        (("--config", "movies.csv", "--until-end"), "--until-end cannot be used here"),
        (("--config", "movies.csv", "--accept-loss"), "--accept-loss cannot be used here"),
        ((*FROM_TOPIC, "--collector", "csv"), "the collector csv does not read kafka://"),
        (("--config", "kafka://"), "--config is not the name of a topic"),
        (("--config", "no topic", "--collector", "kafka"), "--config is not the name of a topic"),
        (("--collector", "kafka"), "--config is not the name of a topic"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: tuple[str, ...], said: str) -> None:
    application = Application("127.0.0.1:1")
    assert said in application.run("catalogue", "load", "--model", "movie", *arguments, exit_code=2)


def test_a_topic_that_is_missing_ends_with_exit_code_5(movies: Topic) -> None:
    missing = ["catalogue", "load", "--model", "movie", "--collector", "kafka", "--config", f"{movies.name}-no"]
    assert f"the topic {movies.name}-no is missing" in movies.application.run(*missing, exit_code=5)


def test_a_broker_that_is_away_is_given_up_once_the_retry_budget_is_spent(movies: Topic) -> None:
    application = Application("127.0.0.1:1", movies.application.variables | {"BROKER_TIMEOUT_S": "2"})
    printed = application.run(*movies.arguments("--until-end"), exit_code=4)
    assert "retrying for up to 2 s" in printed
    assert movies.query("SELECT count(*) FROM catalogue_load") == [(0,)]


def test_the_outcome_is_printed_as_text(movies: Topic) -> None:
    movies.send([movie("Solaris"), movie("Solaris", "long")])
    printed = movies.application.run(*movies.arguments("--until-end"))
    assert f"loading movie from the topic {movies.name}; Ctrl-C stops" in printed
    assert f"movie: load 1 of {movies.name} is done" in printed
    assert "read 2 = 1 inserted + 0 updated + 0 unchanged + 0 repeated + 1 rejected" in printed
    assert (
        'rejected: partition 0 offset 1: duration_mins must be a whole number, 1 to 2147483647, not "long"' in printed
    )
    assert "rejected 1 record: field 1; see them: python app.py catalogue rejected --load 1" in printed
