"""Settings of the catalogue."""

from dataclasses import dataclass

from metrics.catalogue.collect.settings import CollectSettings
from metrics.cli.log_settings import LogSettings
from metrics.kafka.settings import GroupId, KafkaSettings
from metrics.postgres.settings import PostgresSettings
from metrics.web.settings import WebSettings


@dataclass(frozen=True, kw_only=True)
class CatalogueSettings(LogSettings, WebSettings, PostgresSettings, KafkaSettings, CollectSettings):
    """Settings of one run of the catalogue."""

    consumer_group_id: GroupId = "catalogue"
