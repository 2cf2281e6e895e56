"""The jars of Apache Kafka."""

from pathlib import Path

from metrics.java import jars
from metrics.java.jars import Component, Product
from metrics.java.processes import Say
from metrics.kafka.local_broker.node import INSTEAD, KAFKA_VERSION, NAME

# Kafka's package omits the binding of its log calls to Log4j, without which a broker logs nothing. The version is that
# of the Log4j shipped with Kafka; before Kafka 4, that was Log4j 1, as reload4j.
_LOG4J = Component("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4")
_LOG4J_1 = Component("org.slf4j", "slf4j-reload4j", "1.7.36")


def class_path(say: Say, version: str = KAFKA_VERSION) -> list[Path]:
    """Return the jars of Kafka and its dependencies, as `jars.class_path` does.

    Raises:
        LocalServerError, FileError: as `jars.class_path`.
    """
    components = Component("org.apache.kafka", "kafka_2.13", version), _LOG4J_1 if version.startswith("3.") else _LOG4J
    return jars.class_path(Product(f"Apache Kafka {version}", NAME, components, 46, INSTEAD), say)
