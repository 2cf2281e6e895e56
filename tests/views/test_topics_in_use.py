"""Topics of views: how they are created and checked, on a real broker."""

import dataclasses
import uuid

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from metrics.kafka import topic_changes
from metrics.kafka.clients import open_admin
from metrics.kafka.topics import configuration, partition_counts
from metrics.views import topic_owner, topics_in_use
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import TopicError
from tests.kafka.application import Application


@pytest.fixture
def settings(bootstrap_servers: str) -> ViewsSettings:
    """Give settings with topics of their own, which do not exist yet."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    return ViewsSettings(
        bootstrap_servers=bootstrap_servers, views_topic=f"{name}-events", views_rejected_topic=f"{name}-rejected"
    )


def admin_of(settings: ViewsSettings) -> AdminClient:
    return open_admin(settings)


def create(settings: ViewsSettings, **config: str) -> None:
    """Create both topics, with this configuration of the one of events."""
    topic_changes.create_missing(
        admin_of(settings),
        [
            NewTopic(settings.views_topic, 1, 1, config={key.replace("_", "."): text for key, text in config.items()}),
            NewTopic(settings.views_rejected_topic, 1, 1, config={"retention.ms": "-1"}),
        ],
    )


def warnings_of(settings: ViewsSettings) -> list[str]:
    said: list[str] = []
    topics_in_use.check(admin_of(settings), settings, said.append)
    return said


def test_created_topics_keep_everything_and_pass_the_check_without_a_warning(settings: ViewsSettings) -> None:
    settings = dataclasses.replace(settings, views_line_limit=1 << 20, views_partitions=3)
    admin = admin_of(settings)
    topics_in_use.create(admin, settings)
    assert warnings_of(settings) == []
    counts = partition_counts(admin)
    assert (counts[settings.views_topic], counts[settings.views_rejected_topic]) == (3, 1)
    config = configuration(admin, settings.views_topic)
    asked = ("cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes")
    assert [config[key] for key in asked] == ["delete", "-1", "-1", str((1 << 20) + 1024)]


def test_with_short_lines_a_topic_still_accepts_batches_of_the_usual_size(settings: ViewsSettings) -> None:
    sizes = [default.config["max.message.bytes"] for default in topics_in_use.defaults(settings).values()]
    assert sizes == ["1048588", "1048588"]


def test_missing_topics_are_named_with_the_command_that_creates_them(settings: ViewsSettings) -> None:
    with pytest.raises(TopicError) as caught:
        warnings_of(settings)
    assert f"VIEWS_TOPIC={settings.views_topic}" in caught.value.why
    assert f"topics create {settings.views_topic} {settings.views_rejected_topic}" in caught.value.hint


def test_a_compacted_topic_is_refused_since_it_would_keep_one_event_of_each_user(settings: ViewsSettings) -> None:
    create(settings, cleanup_policy="compact")
    with pytest.raises(TopicError, match="cannot store view events") as caught:
        warnings_of(settings)
    assert "cleanup.policy=compact" in caught.value.why


def test_a_topic_that_refuses_the_longest_event_is_refused(settings: ViewsSettings) -> None:
    create(settings, retention_ms="-1", max_message_bytes="66559")
    with pytest.raises(TopicError, match="cannot store the longest view event") as caught:
        warnings_of(settings)
    assert caught.value.why == "it has max.message.bytes=66559, and VIEWS_LINE_LIMIT=65536 needs 66560"
    assert warnings_of(dataclasses.replace(settings, views_line_limit=65_535)) == []


def test_a_retention_is_only_a_warning(settings: ViewsSettings) -> None:
    create(settings, retention_ms="604800000")
    [warning] = warnings_of(settings)
    assert warning.startswith(f"the topic {settings.views_topic} has retention.ms=604800000: events that")


def test_topics_create_makes_them_suitable_with_as_many_partitions_as_set(application: Application) -> None:
    events, rejected = application.topic("events"), application.topic("refused")
    application.variables |= {"VIEWS_TOPIC": events, "VIEWS_REJECTED_TOPIC": rejected, "VIEWS_PARTITIONS": "6"}
    application.run("topics", "create", events, rejected)
    settings = ViewsSettings.load(application.environment())
    assert warnings_of(settings) == []
    assert partition_counts(admin_of(settings))[events] == 6
    application.run("topics", "create", events, "--partitions", "2", exit_code=5)


def test_topics_delete_says_what_is_lost_with_a_topic_of_views(
    settings: ViewsSettings, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("VIEWS_TOPIC", settings.views_topic)
    monkeypatch.setenv("VIEWS_REJECTED_TOPIC", settings.views_rejected_topic)
    [loss] = topic_owner.check_deletion(admin_of(settings), settings, [settings.views_topic, "other"])
    assert loss.startswith(f"{settings.views_topic} is this application's VIEWS_TOPIC; this deletes its events")
