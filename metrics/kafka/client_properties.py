"""Properties of the Kafka client: their variables, which of them are secret, and which the program sets itself."""

import ctypes
import re
from functools import cache

from metrics.settings.declared import OF_A_FILE

CLIENT_PREFIX = "KAFKA_"

# Client properties that the guarantees depend on: exactly once, one transaction, partitions assigned by the program.
OWNED = {
    "bootstrap.servers": "set BOOTSTRAP_SERVERS instead",
    "metadata.broker.list": "set BOOTSTRAP_SERVERS instead",
    "group.id": "set CONSUMER_GROUP_ID instead",
    "transactional.id": "it is CONSUMER_GROUP_ID",
    "isolation.level": "only committed records are read",
    "enable.auto.commit": "offsets are committed in the same transaction as the results",
    "enable.auto.offset.store": "offsets are committed in the same transaction as the results",
    "enable.idempotence": "transactions require it",
    "enable.partition.eof": "idle partitions are detected by it",
    "auto.offset.reset": "the starting offset is part of the state",
    "acks": "transactions require acks=all",
}

# Properties that say the same in two ways; the client would take both.
ALTERNATIVES = (
    {"sasl.mechanism", "sasl.mechanisms"},
    {"ssl.ca.location", "ssl.ca.pem"},
    {"ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"},
    {"ssl.key.location", "ssl.key.pem", "ssl.keystore.location"},
)

# Properties that name a file themselves, so their variables do not name the file of a secret.
_OF_FILES = {"sasl.oauthbearer.assertion.private.key.file"}

_SECRET = re.compile(r"password|passphrase|secret|\.key$|key\.pem|jaas|token|credentials|sasl\.oauthbearer\.config")
_CONF_UNKNOWN = -2  # RD_KAFKA_CONF_UNKNOWN in rdkafka.h


def is_secret(client_property: str) -> bool:
    """Return whether the value of a client property must never be shown."""
    return _SECRET.search(client_property) is not None


def client_property(variable: str) -> str:
    """Return the client property that a KAFKA_… variable sets: `KAFKA_SASL_USERNAME` is `sasl.username`."""
    return variable.removeprefix(CLIENT_PREFIX).lower().replace("_", ".")


def variable_of(client_property: str) -> str:
    """Return the KAFKA_… variable that sets a client property."""
    return CLIENT_PREFIX + client_property.upper().replace(".", "_")


def without_file(variable: str) -> str:
    """Return the variable of the secret that a `…_FILE` variable names a file for; any other variable as it is."""
    secret = variable.removesuffix(OF_A_FILE)
    is_of_a_file = is_secret(client_property(secret)) and client_property(variable) not in _OF_FILES
    return secret if is_of_a_file else variable


@cache
def is_property(name: str) -> bool:
    """Return whether the client has a property, by the result code of librdkafka.

    The Python client links to librdkafka, but does not pass this code on: an error for an unknown property has the
    code of an error for a wrong value, and another text.
    """
    from confluent_kafka import cimpl  # noqa: PLC0415  # commands without a broker do without it

    librdkafka = ctypes.CDLL(cimpl.__file__)
    librdkafka.rd_kafka_conf_new.restype = ctypes.c_void_p
    conf = ctypes.c_void_p(librdkafka.rd_kafka_conf_new())
    try:
        return bool(librdkafka.rd_kafka_conf_set(conf, name.encode(), None, None, 0) != _CONF_UNKNOWN)
    finally:
        librdkafka.rd_kafka_conf_destroy(conf)
