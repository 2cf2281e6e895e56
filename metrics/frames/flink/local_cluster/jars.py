"""The jars of Apache Flink, with its SQL gateway and its connector to Kafka."""

from pathlib import Path

from metrics.frames.flink.local_cluster.settings import FLINK_VERSION, INSTEAD, NAME
from metrics.java import jars
from metrics.java.jars import Component, Product
from metrics.java.processes import Say

_MODULES = (
    "flink-clients",
    "flink-container",
    "flink-table-runtime",
    "flink-table-planner-loader",
    "flink-table-api-java-bridge",
    "flink-connector-base",
    "flink-json",
    "flink-sql-gateway",
)
CONNECTOR = Component("org.apache.flink", "flink-sql-connector-kafka", "5.0.0-2.2")
# Flink's modules leave the binding of their log calls to the distribution.
_LOG4J = Component("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4")


def class_path(say: Say) -> list[Path]:
    """Return the jars of Flink and its dependencies, as `jars.class_path` does.

    Raises:
        LocalServerError, FileError: as `jars.class_path`.
    """
    own = (Component("org.apache.flink", name, FLINK_VERSION) for name in _MODULES)
    components = (*own, CONNECTOR, _LOG4J)
    return jars.class_path(Product(f"Apache Flink {FLINK_VERSION}", NAME, components, 160, INSTEAD), say)
