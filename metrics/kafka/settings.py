"""Settings of the connection to Kafka, and of the local broker."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from metrics.settings import Declared, Family, NonEmpty, Secret

CLIENT_PREFIX = "KAFKA_"
KAFKA_PORT = 9092

TOPIC_NAME = "1 to 249 letters, digits, '.', '_' or '-'"
TopicName = Annotated[
    str,
    Meta(pattern=r"^(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,249}\Z", extra={"allowed": TOPIC_NAME}),
]

# The client defaults a missing host to localhost and a missing port to 9092, and ignores a path. It also accepts ports
# that it then changes (99999 becomes 34463), and ports that are not numbers. These are always mistakes.
_ADDRESS = re.compile(
    r"""
    (?: (?P<protocol> PLAINTEXT | SSL | SASL_PLAINTEXT | SASL_SSL ) :// )?
    (?:
        (?P<host> \[ [^\s\[\]]+ \] | [^\s,;:/@\[\]]* ) (?: : (?P<port> [0-9]{1,9} ) )?
      | (?P<ipv6> [^\s/\[\]]* : [^\s/\[\]]* : [^\s/\[\]]* )
    )
    (?P<path> / \S* )?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def _addresses(text: str) -> list[str]:
    """Split a list of addresses as the client does, which skips empty ones."""
    return [address.strip() for address in text.split(",") if address.strip()]


def _are_addresses(text: str) -> bool:
    """Return whether the client would connect to each of these addresses as written."""
    return bool(_addresses(text)) and all(_is_address(address) for address in _addresses(text))


def _without_user(text: str) -> str:
    """Return addresses safe to show: any text before an @ may be a password."""
    return re.sub(r"[^,/]*@", "***@", text)


def _is_address(text: str) -> bool:
    parts = _ADDRESS.fullmatch(text)
    if parts is None or (parts["path"] and not parts["protocol"] and not parts["port"]):
        return False
    if parts["ipv6"]:
        with suppress(ValueError):
            return bool(ipaddress.IPv6Address(parts["ipv6"]))
        return False
    return parts["port"] is None or 1 <= int(parts["port"]) <= 65_535


def endpoints(servers: str) -> Iterator[tuple[str, int]]:
    """Yield host and port of each address as the client reads it; an IPv6 host without brackets has no port."""
    for address in _addresses(servers):
        if parts := _ADDRESS.fullmatch(address):
            host = parts["ipv6"] or parts["host"].strip("[]") or "localhost"
            yield host, int(parts["port"] or KAFKA_PORT)


Addresses = Annotated[
    NonEmpty,
    Meta(
        extra={
            "allowed": "host:port, separated by commas; an IPv6 host in brackets",
            "is_allowed": _are_addresses,
            "shown": _without_user,
        }
    ),
]

GroupId = Annotated[
    str,
    Meta(
        pattern=r"^[^\x00-\x1f\x7f]+\Z",
        extra={"allowed": "text without control characters"},
        description="Consumer group; its offset metadata contains the state. Also the transactional id. A job that "
        "commits to a database has its state there, and commits nothing for the group. Each system has its own "
        "default.",
    ),
]

# Client properties that the guarantees depend on: exactly once, one transaction, partitions assigned by the program.
_OWNED = {
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

# Variables of Kafka's own shell scripts; no client has such a property.
_SHELL_SCRIPTS = re.compile(r"KAFKA_(HOME|OPTS|.*_OPTS|LOG_DIR)")

_SECRET = re.compile(r"password|passphrase|secret|\.key$|key\.pem|jaas|token|credentials|sasl\.oauthbearer\.config")


def is_secret(client_property: str) -> bool:
    """Return whether the value of a client property must never be shown."""
    return _SECRET.search(client_property) is not None


def client_property(variable: str) -> str:
    """Return the client property that a KAFKA_… variable sets: `KAFKA_SASL_USERNAME` is `sasl.username`."""
    return variable.removeprefix(CLIENT_PREFIX).lower().replace("_", ".")


def _client_properties(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    properties: dict[str, str] = {}
    wrong: list[str] = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(CLIENT_PREFIX) or text == "" or _SHELL_SCRIPTS.fullmatch(variable):
            continue
        name = client_property(variable)
        if name in _OWNED:
            shown = "***" if is_secret(name) else repr(text)
            wrong.append(f"{variable}={shown}: {name} cannot be changed here: {_OWNED[name]}")
        else:
            properties[name] = text
    return properties, wrong


@dataclass(frozen=True, kw_only=True)
class KafkaSettings(Declared):
    """Settings of the connection: the brokers, the client's properties, and the consumer group."""

    bootstrap_servers: Annotated[
        Addresses | None,
        Meta(description="Kafka brokers to use; the default port is 9092. Unset: a local broker is started."),
    ] = None
    client_properties: Annotated[
        dict[str, str],
        Meta(
            description="Any client property: `KAFKA_SECURITY_PROTOCOL=SASL_SSL` sets `security.protocol`.",
            extra={"allowed": "any value the client accepts", "family": Family(CLIENT_PREFIX, _client_properties)},
        ),
    ] = field(default_factory=dict)
    consumer_group_id: GroupId = "metrics"
    broker_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="Retry budget: seconds of wall time to retry during an outage of the broker before giving up; "
            "each retry resumes from the last commit.",
        ),
    ] = 60
    local_broker_dir: Annotated[
        NonEmpty, Meta(description="Local broker's folder, relative to the clone or, if installed, the working folder.")
    ] = ".local-broker"

    def __post_init__(self) -> None:
        super().__post_init__()
        hidden = {name: Secret(text) if is_secret(name) else text for name, text in self.client_properties.items()}
        object.__setattr__(self, "client_properties", hidden)

    def conflicts(self, refused: Set[str]) -> Iterator[str]:
        """Refuse an address with another protocol: the client drops it, and then never connects."""
        yield from super().conflicts(refused)
        protocol = self.client_properties.get("security.protocol", "PLAINTEXT").upper()
        for address in _addresses(self.bootstrap_servers or ""):
            named, separator, _ = address.partition("://")
            if separator and named.upper() != protocol:
                yield (
                    f"BOOTSTRAP_SERVERS names {address!r}, but KAFKA_SECURITY_PROTOCOL is {protocol}: "
                    "they must be the same"
                )
