import pytest

from tests.catalogue.kafka_job.topic import Topic
from tests.kafka.application import Application


@pytest.fixture
def movies(application: Application, database_url: str) -> Topic:
    """Give a topic of movies with one partition."""
    return Topic(application, database_url, "movie")
