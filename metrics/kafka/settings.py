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

TopicName = Annotated[
    str,
    Meta(
        pattern=r"^(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,249}\Z",
        extra={"allowed": "1 to 249 letters, digits, '.', '_' or '-'"},
    ),
]

# The client takes localhost for a missing host, 9092 for a missing port, and ignores a path. It also takes ports that
# it then changes, 99999 into 34463, and ones that are no numbers. Nobody means these.
_ADDRESS = re.compile(
    r"""
    (?: (?P<protocol> PLAINTEXT | SSL | SASL_PLAINTEXT | SASL_SSL ) :// )?
    (?:
        (?: \[ [^\s\[\]]+ \] | [^\s,;:/@\[\]]* ) (?: : (?P<port> [0-9]{1,9} ) )?
      | (?P<ipv6> [^\s/\[\]]* : [^\s/\[\]]* : [^\s/\[\]]* )
    )
    (?P<path> / \S* )?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def _addresses(text: str) -> list[str]:
    """Split a list of addresses as the client does, which passes over empty ones."""
    return [address.strip() for address in text.split(",") if address.strip()]


def _are_addresses(text: str) -> bool:
    """Tell whether the client would look for a broker where each of these addresses says."""
    return bool(_addresses(text)) and all(_is_address(address) for address in _addresses(text))


def _without_user(text: str) -> str:
    """Return addresses as they may be shown: the text before an @ may be a password."""
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


Addresses = Annotated[
    NonEmpty,
    Meta(
        extra={
            "allowed": "host:port, more of them after commas, an IPv6 host in brackets",
            "is_allowed": _are_addresses,
            "shown": _without_user,
        }
    ),
]

GroupId = Annotated[
    NonEmpty, Meta(description="Consumer group whose offsets hold the state; also the transactional id.")
]

# Client properties that the application's own promises rest on: exactly once, one transaction, assigned by hand.
_OWNED = {
    "bootstrap.servers": "set BOOTSTRAP_SERVERS",
    "metadata.broker.list": "set BOOTSTRAP_SERVERS",
    "group.id": "set CONSUMER_GROUP_ID",
    "transactional.id": "it is CONSUMER_GROUP_ID",
    "isolation.level": "only committed frames are read",
    "enable.auto.commit": "offsets are committed in the transaction that holds the results",
    "enable.auto.offset.store": "offsets are committed in the transaction that holds the results",
    "enable.idempotence": "transactions need it",
    "enable.partition.eof": "idle partitions are found by it",
    "auto.offset.reset": "where to start is part of the state",
    "acks": "transactions need all",
}

# Variables that Kafka's own shell scripts read; no client has such a property.
_SHELL_SCRIPTS = re.compile(r"KAFKA_(HOME|OPTS|.*_OPTS|LOG_DIR)")

_SECRET = re.compile(r"password|passphrase|secret|\.key$|key\.pem|jaas|token|credentials|sasl\.oauthbearer\.config")


def is_secret(client_property: str) -> bool:
    """Tell whether a client property's value must never be shown."""
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
            wrong.append(f"{variable}={shown}: {name} is not yours to set: {_OWNED[name]}")
        else:
            properties[name] = text
    return properties, wrong


@dataclass(frozen=True, kw_only=True)
class KafkaSettings(Declared):
    """Which Kafka to use, how to reach it, and in whose name."""

    bootstrap_servers: Annotated[
        Addresses | None,
        Meta(description="Kafka to use; the port is 9092 where none is given. Unset: the local broker is started."),
    ] = None
    client_properties: Annotated[
        dict[str, str],
        Meta(
            description="Any client property: `KAFKA_SECURITY_PROTOCOL=SASL_SSL` sets `security.protocol`.",
            extra={"allowed": "what the client allows", "family": Family(CLIENT_PREFIX, _client_properties)},
        ),
    ] = field(default_factory=dict)
    consumer_group_id: GroupId = "metrics"
    broker_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="Seconds of wall time to retry while the broker is away, before giving up; each retry "
            "goes on from the last commit.",
        ),
    ] = 60
    local_broker_dir: Annotated[
        NonEmpty, Meta(description="Folder of the local broker's log, relative to the project's folder.")
    ] = ".local-broker"

    def __post_init__(self) -> None:
        super().__post_init__()
        hidden = {name: Secret(text) if is_secret(name) else text for name, text in self.client_properties.items()}
        object.__setattr__(self, "client_properties", hidden)

    def conflicts(self, refused: Set[str]) -> Iterator[str]:
        """The client drops an address whose protocol is not its own, and then waits for brokers it was never given."""
        yield from super().conflicts(refused)
        protocol = self.client_properties.get("security.protocol", "PLAINTEXT").upper()
        for address in _addresses(self.bootstrap_servers or ""):
            named, separator, _ = address.partition("://")
            if separator and named.upper() != protocol:
                yield (
                    f"BOOTSTRAP_SERVERS names {address!r}, but KAFKA_SECURITY_PROTOCOL is {protocol}: "
                    "allowed is the same"
                )
