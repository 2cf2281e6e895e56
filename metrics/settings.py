"""Every setting once: its environment variable, type, default and meaning.

The variable's name is the field's name in capitals. `--help` and the table in docs/settings.md are made from here.
"""

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from metrics.errors import SettingsError
from metrics.frames.core.state import GUARD_VERSION, Rules
from metrics.times import LAST_SECOND

CLIENT_PREFIX = "KAFKA_"
ANY_TEXT = "any text"

TopicName = Annotated[
    str,
    Meta(
        pattern=r"^(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,249}\Z",
        extra={"allowed": "1 to 249 letters, digits, '.', '_' or '-'"},
    ),
]
NonEmpty = Annotated[str, Meta(min_length=1)]

# What the client makes of one address: localhost where no host stands, 9092 where no port does; a path it ignores.
# It also takes ports that it then changes, 99999 into 34463, and ones that are no numbers. Nobody means these.
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
    """Return addresses as they may be shown: what somebody put before an @ may be a password."""
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
        }
    ),
]


class _Secret(str):
    """Text that its `repr` does not show: what is told goes to the client, and into no log or traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one run is told by its environment.

    A field that is None was left unset. Durations are whole seconds of event time unless their meaning says otherwise.
    """

    bootstrap_servers: Annotated[
        Addresses | None,
        Meta(description="Kafka to use; the port is 9092 where none is given. Unset: the local broker is started."),
    ] = None
    consumer_group_id: Annotated[
        NonEmpty, Meta(description="Consumer group whose offsets hold the state; also the transactional id.")
    ] = "frames-metrics"
    input_topic: Annotated[TopicName, Meta(description="Topic the frames come from.")] = "frames"
    sec_metrics_output_topic: Annotated[TopicName, Meta(description="Topic for frames per second.")] = (
        "frames-per-second"
    )
    min_metrics_output_topic: Annotated[TopicName, Meta(description="Topic for unique users per minute.")] = (
        "unique-users-per-minute"
    )
    output_stream: Annotated[
        TopicName | None,
        Meta(description="Topic that every valid frame is republished to, its bytes unchanged. Unset: none is."),
    ] = None
    print_interval: Annotated[
        int, Meta(ge=1, description="Frames between two lines of execution metrics with `--verbose`.")
    ] = 10_000
    rejected_topic: Annotated[
        TopicName,
        Meta(description="Topic for frames that are not counted, with the reason in their headers."),
    ] = "frames-rejected"
    lateness_s: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Allowed lateness: how far a frame may be behind the newest one of its partition "
            "and still count.",
        ),
    ] = 5
    future_limit_s: Annotated[
        int,
        Meta(
            ge=60,
            le=LAST_SECOND,
            description="How far ahead of its partition's event time a frame may be and still count although the "
            "frames after it do not confirm its time; event time then stays where it is.",
        ),
    ] = 300
    idle_s: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="Seconds of wall time after which a partition that was read to its end, and whose event time "
            "has not moved on, counts as idle and no longer keeps windows open.",
        ),
    ] = 10
    align_s: Annotated[
        int,
        Meta(
            ge=1,
            le=LAST_SECOND,
            description="How far a partition may run ahead of the slowest in event time; it then waits for that one, "
            "so that skew or a backlog cannot fill the memory.",
        ),
    ] = 120
    gap_limit_s: Annotated[
        int,
        Meta(
            ge=0,
            le=31_536_000,
            description="Longest stretch without frames that gets rows of 0. A longer one gets none; the next record "
            "tells its length.",
        ),
    ] = 3_600
    broker_timeout_s: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="Seconds of wall time to retry while the broker is away, before giving up; each retry "
            "goes on from the last commit.",
        ),
    ] = 60
    keep_seconds: Annotated[
        int,
        Meta(
            ge=60,
            le=86_400,
            description="Seconds that `serve` reads back at its start and keeps in memory; the page shows 600.",
        ),
    ] = 3_600
    keep_minutes: Annotated[
        int,
        Meta(
            ge=60,
            le=44_640,
            description="Minutes that `serve` reads back at its start and keeps in memory; the page shows 240.",
        ),
    ] = 1_440
    api_token: Annotated[
        NonEmpty | None,
        Meta(
            description="Token that clients of `serve` must send, on every route but those of health. "
            "Unset: none is needed."
        ),
    ] = None
    metrics_port: Annotated[
        Annotated[int, Meta(ge=1, le=65_535)] | None,
        Meta(description="Port on which the main job serves `/metrics`, `/healthz` and `/readyz`. Unset: none."),
    ] = None
    metrics_host: Annotated[
        NonEmpty, Meta(description="Address that METRICS_PORT is of; `0.0.0.0` lets other machines ask.")
    ] = "127.0.0.1"
    local_broker_dir: Annotated[
        NonEmpty, Meta(description="Folder of the local broker's log, relative to the project's folder.")
    ] = ".local-broker"
    client_properties: dict[str, str] = {}

    def __post_init__(self) -> None:
        hidden = {name: _Secret(text) if is_secret(name) else text for name, text in self.client_properties.items()}
        msgspec.structs.force_setattr(self, "client_properties", hidden)
        if self.api_token is not None:
            msgspec.structs.force_setattr(self, "api_token", _Secret(self.api_token))

    def topics(self) -> dict[str, str]:
        """Return the variable that names each topic in use, and the topic's name."""
        names = {
            "INPUT_TOPIC": self.input_topic,
            "SEC_METRICS_OUTPUT_TOPIC": self.sec_metrics_output_topic,
            "MIN_METRICS_OUTPUT_TOPIC": self.min_metrics_output_topic,
            "REJECTED_TOPIC": self.rejected_topic,
        }
        if self.output_stream is not None:
            names["OUTPUT_STREAM"] = self.output_stream
        return names

    def rules(self) -> Rules:
        """Return what frames are judged by."""
        return Rules(self.lateness_s, self.future_limit_s, GUARD_VERSION)

    def result_topics(self) -> tuple[str, ...]:
        """Return the topics that records of windows go to."""
        return self.sec_metrics_output_topic, self.min_metrics_output_topic


class SettingRow(NamedTuple):
    """One setting as people read it."""

    variable: str
    default: str
    allowed: str
    meaning: str


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

# METRICS_PORT is this where Kubernetes has a Service of the name metrics; it stands for no setting.
_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://")

# Variables that Kafka's own shell scripts read; no client has such a property.
_SHELL_SCRIPTS = re.compile(r"KAFKA_(HOME|OPTS|.*_OPTS|LOG_DIR)")

_SECRET = re.compile(r"password|passphrase|secret|\.key$|key\.pem|jaas|token|credentials|sasl\.oauthbearer\.config")


def is_secret(client_property: str) -> bool:
    """Tell whether a client property's value must never be shown."""
    return _SECRET.search(client_property) is not None


def client_property(variable: str) -> str:
    """Return the client property that a KAFKA_… variable sets: `KAFKA_SASL_USERNAME` is `sasl.username`."""
    return variable.removeprefix(CLIENT_PREFIX).lower().replace("_", ".")


def rows() -> Iterator[SettingRow]:
    """Yield every setting in the order of its declaration, the client properties last."""
    for field in msgspec.structs.fields(Settings):
        if field.name != "client_properties":
            default = "unset" if field.default is None else f"{field.default}"
            yield SettingRow(field.name.upper(), default, _allowed(field.type), _description(field.type))
    yield SettingRow(
        "KAFKA_…",
        "unset",
        "what the client allows",
        "Any client property: `KAFKA_SECURITY_PROTOCOL=SASL_SSL` sets `security.protocol`.",
    )


def markdown_table() -> str:
    """Return the settings as the table in docs/settings.md."""
    lines = ["| variable | default | allowed | meaning |", "|---|---|---|---|"]
    for row in rows():
        default = row.default if row.default == "unset" else f"`{row.default}`"
        lines.append(f"| `{row.variable}` | {default} | {row.allowed} | {row.meaning} |")
    return "\n".join(lines)


def help_text() -> str:
    """Return the settings as `--help` lists them, in Markdown: with their defaults, and what else they may be."""
    lines = ["**Settings**, by environment variables, with their defaults:", ""]
    for row in rows():
        allowed = "" if row.allowed == ANY_TEXT else f" *Allowed: {row.allowed}.*"
        lines.append(f"- `{row.variable}` ({row.default}): {row.meaning}{allowed}")
    return "\n".join(lines)


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from environment variables; an empty variable counts as unset.

    Raises:
        SettingsError: one error that names every wrong variable, what was given and what is allowed.
    """
    given: dict[str, Any] = {}
    wrong: list[str] = []
    refused: set[str] = set()
    for field in msgspec.structs.fields(Settings):
        text = environment.get(field.name.upper(), "")
        is_of_service = field.name.endswith("_port") and _OF_A_SERVICE.match(text)
        if field.name == "client_properties" or text == "" or is_of_service:
            continue
        try:
            given[field.name] = _converted(text, field.type)
        except ValueError:
            refused.add(field.name.upper())
            wrong.append(f"{field.name.upper()}={_without_user(text)!r}: allowed is {_allowed(field.type)}")
    properties, wrong_properties = _client_properties(environment)
    wrong += wrong_properties
    settings = Settings(client_properties=properties, **given)
    wrong += _other_protocols(settings)
    wrong += _shared_topics(
        {variable: topic for variable, topic in settings.topics().items() if variable not in refused}
    )
    if wrong:
        raise SettingsError(
            "the settings cannot be used", why="\n".join(wrong), now="correct the variables, or unset them"
        )
    return settings


def _converted(text: str, annotation: Any) -> Any:
    """Return what a variable's text means to a field of this type.

    Raises:
        ValueError: it is not allowed.
    """
    value = msgspec.convert(text, annotation, strict=False)
    for meta in _metas(annotation):
        if meta.extra and not meta.extra.get("is_allowed", lambda _: True)(value):
            raise ValueError(text)
    return value


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


def _other_protocols(settings: Settings) -> Iterator[str]:
    """The client drops an address whose protocol is not its own, and then waits for brokers that it was never given."""
    protocol = settings.client_properties.get("security.protocol", "PLAINTEXT").upper()
    for address in _addresses(settings.bootstrap_servers or ""):
        named, separator, _ = address.partition("://")
        if separator and named.upper() != protocol:
            yield f"BOOTSTRAP_SERVERS names {address!r}, but KAFKA_SECURITY_PROTOCOL is {protocol}: allowed is the same"


def _shared_topics(topics: Mapping[str, str]) -> Iterator[str]:
    """Two roles in one topic would feed the job its own output, or mix records of two kinds."""
    seen: dict[str, str] = {}
    for variable, topic in topics.items():
        if topic in seen:
            yield f"{variable}={topic!r}: allowed is a topic of its own, and {seen[topic]} names this one"
        seen.setdefault(topic, variable)


def _metas(annotation: Any) -> Iterator[Meta]:
    """Yield what was declared about a field's type, the outermost first."""
    yield from getattr(annotation, "__metadata__", ())
    inner = getattr(annotation, "__origin__", None)
    if inner is not None and hasattr(annotation, "__metadata__"):
        yield from _metas(inner)
    for member in getattr(annotation, "__args__", ()):
        yield from _metas(member)


def _description(annotation: Any) -> str:
    return next(meta.description for meta in _metas(annotation) if meta.description)


def _allowed(annotation: Any) -> str:
    for meta in _metas(annotation):
        if meta.extra and "allowed" in meta.extra:
            return str(meta.extra["allowed"])
        if meta.ge is not None and meta.le is not None:
            return f"a whole number, {meta.ge} to {meta.le}"
        if meta.ge is not None:
            return f"a whole number, {meta.ge} or more"
    return ANY_TEXT
