"""Settings of the connection to Kafka, and of the local broker."""

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Self

from msgspec import Meta

from metrics.kafka.client_file import CONFIG, with_client_file
from metrics.kafka.client_properties import CLIENT_PREFIX, OWNED, client_property, is_secret, without_file
from metrics.settings.declared import Declared, Family, WrongValueError, read_secret
from metrics.settings.values import NonEmpty, Secret

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

# A setting, and variables of Kafka's own shell scripts; no client has such a property.
_OTHERS = re.compile(rf"{CONFIG}|KAFKA_(HOME|OPTS|.*_OPTS|LOG_DIR)")


def _client_properties(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    properties: dict[str, str] = {}
    wrong: list[str] = []
    given = {
        without_file(variable)
        for variable, text in environment.items()
        if variable.startswith(CLIENT_PREFIX) and text and not _OTHERS.fullmatch(variable)
    }
    for variable in sorted(given):
        name = client_property(variable)
        if name in OWNED:
            wrong.append(f"{variable}={environment[variable]!r}: {name} cannot be changed here: {OWNED[name]}")
            continue
        try:
            properties[name] = read_secret(variable, environment) if is_secret(name) else environment[variable]
        except WrongValueError as error:
            wrong.append(str(error))
    return properties, wrong


@dataclass(frozen=True, kw_only=True)
class KafkaSettings(Declared):
    """Settings of the connection: the brokers, the client's properties, and the consumer group."""

    bootstrap_servers: Annotated[
        Addresses | None,
        Meta(description="Kafka brokers to use; the default port is 9092. Unset: a local broker is started."),
    ] = None
    kafka_config: Annotated[
        str | None,
        Meta(
            description="File of client properties, as Kafka's own tools and kcat take it. Variables override "
            "properties in it.",
            extra={"allowed": "the path of a file"},
        ),
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

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read these settings from environment variables, and from the file that KAFKA_CONFIG names.

        Raises:
            SettingsError: as `Declared.load`; or the file cannot be used.
        """
        return super().load(with_client_file(environment))

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
