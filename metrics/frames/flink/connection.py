"""The connection of Flink to Kafka: the client properties of the application as those of Kafka's Java client.

The application's client is librdkafka. What both call alike is copied, what they call differently is translated, and
all else is refused: a job must not connect otherwise than the application does. Certificates and keys are sent as text,
since their files need not exist on Flink's machines.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from metrics.frames.flink.quoting import quoted
from metrics.frames.flink.settings import FlinkSettings
from metrics.kafka.client_properties import is_secret, variable_of
from metrics.kafka.clients import unknown_properties
from metrics.kafka.settings import endpoints
from metrics.wording.errors import SettingsError

# The connector contains Kafka's classes under names of its own.
_KAFKA = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security"
_LOGIN_MODULES = {
    "PLAIN": f"{_KAFKA}.plain.PlainLoginModule",
    "SCRAM-SHA-256": f"{_KAFKA}.scram.ScramLoginModule",
    "SCRAM-SHA-512": f"{_KAFKA}.scram.ScramLoginModule",
}

# Properties that name a file, and those that have its contents.
_FILES = {
    "ssl.ca.location": "ssl.ca.pem",
    "ssl.certificate.location": "ssl.certificate.pem",
    "ssl.key.location": "ssl.key.pem",
}

# In a text of a login module's configuration, which ends with its line.
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r"})

_PEM = re.compile(r"-----BEGIN ([^-]*)-----.*?-----END \1-----", re.DOTALL)
_PKCS8 = ("BEGIN PRIVATE KEY", "BEGIN ENCRYPTED PRIVATE KEY")


def options(settings: FlinkSettings) -> str:
    """Return the options of a table that connect it to the brokers, as SQL.

    Raises:
        SettingsError: a client property has no counterpart, or names a file that cannot be read.
    """
    properties = {"bootstrap.servers": _addresses(settings.bootstrap_servers), **java_properties(settings)}
    return ",\n  ".join(f"'properties.{name}' = '{quoted(str(value))}'" for name, value in properties.items())


def _addresses(servers: str | None) -> str:
    """Return addresses with their ports, without which Kafka's Java client refuses them; None becomes the variable."""
    if servers is None:
        return "${BOOTSTRAP_SERVERS}"
    return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in endpoints(servers))


def without_secrets(settings: FlinkSettings) -> FlinkSettings:
    """Return the settings to print: for each secret, the name of its variable, such as ${KAFKA_SASL_PASSWORD}."""
    given = dict(settings.client_properties)
    if "ssl.key.location" in given:
        given["ssl.key.pem"] = given.pop("ssl.key.location")
    hidden = {name: f"${{{variable_of(name)}}}" if is_secret(name) else value for name, value in given.items()}
    return dataclasses.replace(settings, client_properties=hidden)


def java_properties(settings: FlinkSettings) -> dict[str, str]:
    """Return the client properties that the application is given as those of Kafka's Java client.

    Raises:
        SettingsError: one has no counterpart, or names a file that cannot be read.
    """
    unknown = unknown_properties(settings)  # which have no effect on the application, either
    given = {name: value for name, value in settings.client_properties.items() if name not in unknown}
    return dict(_translated({_FILES.get(name, name): _contents(name, value) for name, value in given.items()}))


def _translated(given: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, translate in _TRANSLATIONS.items():
        if name in given:
            yield from translate(given)
    if left := [
        variable_of(name) for name in given if not {name, *_PARTS.get(name, ())} & (given.keys() & _TRANSLATIONS)
    ]:
        raise SettingsError(
            f"Flink cannot be given {', '.join(left)}",
            why="Kafka's Java client has no known counterpart, or only together with another property",
            hint="with a user, set KAFKA_SASL_MECHANISM; unset what the connection does not need, for this command; "
            "of a property in the file of KAFKA_CONFIG, set its variable to nothing",
        )


def _mechanism(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    mechanism = given.get("sasl.mechanism") or given["sasl.mechanisms"]
    if mechanism not in _LOGIN_MODULES:
        raise SettingsError(
            f"KAFKA_SASL_MECHANISM={mechanism} cannot be used with Flink",
            why=f"known are {', '.join(_LOGIN_MODULES)}",
            hint="give the job a user with one of these",
        )
    user, password = (_quoted(given.get(f"sasl.{name}", "")) for name in ("username", "password"))
    yield "sasl.mechanism", mechanism
    yield "sasl.jaas.config", f"{_LOGIN_MODULES[mechanism]} required username={user} password={password};"


def _quoted(text: str) -> str:
    return '"' + text.translate(_ESCAPES) + '"'


def _authority(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "ssl.truststore.type", "PEM"
    yield "ssl.truststore.certificates", _lines(given["ssl.ca.pem"], "CERTIFICATE")


def _certificate(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    key = given.get("ssl.key.pem", "")
    if not key.startswith("${") and not any(kind in key for kind in _PKCS8):
        raise SettingsError(
            "the key of the client's certificate cannot be used with Flink",
            why="Kafka's Java client reads keys in PKCS #8 only" if key else "KAFKA_SSL_KEY_LOCATION is not set",
            hint="convert it: openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW" if key else "",
        )
    yield "ssl.keystore.type", "PEM"
    yield "ssl.keystore.certificate.chain", _lines(given["ssl.certificate.pem"], "CERTIFICATE")
    yield "ssl.keystore.key", _lines(key, "PRIVATE KEY")
    if password := given.get("ssl.key.password"):
        yield "ssl.key.password", password


def _host_names(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    algorithm = given["ssl.endpoint.identification.algorithm"]
    yield "ssl.endpoint.identification.algorithm", "" if algorithm == "none" else algorithm


def _rack(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "client.rack", given["client.rack"]


def _protocol(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "security.protocol", given["security.protocol"].upper()


_TRANSLATIONS: dict[str, Callable[[Mapping[str, str]], Iterator[tuple[str, str]]]] = {
    "security.protocol": _protocol,
    "sasl.mechanism": _mechanism,
    "sasl.mechanisms": _mechanism,
    "ssl.ca.pem": _authority,
    "ssl.certificate.pem": _certificate,
    "ssl.endpoint.identification.algorithm": _host_names,
    "client.rack": _rack,
}
# Properties that are a part of the translation of another one: of any of these.
_PARTS = {
    "sasl.username": ("sasl.mechanism", "sasl.mechanisms"),
    "sasl.password": ("sasl.mechanism", "sasl.mechanisms"),
    "ssl.key.pem": ("ssl.certificate.pem",),
    "ssl.key.password": ("ssl.certificate.pem",),
}


def _lines(pem: str, kind: str) -> str:
    """Return the certificates or keys of a PEM text, a line each: the Java client takes the last one of a line."""
    blocks = list(_PEM.finditer(pem))  # none if the text is the name of a variable
    lines = (" ".join(block.group().split()) for block in blocks if block[1].endswith(kind))
    return "\n".join(lines) if blocks else pem


def _contents(name: str, value: str) -> str:
    if name not in _FILES:
        return value
    why = "it contains no certificate or key"
    try:
        text = Path(value).read_bytes().decode(errors="replace")
        if _PEM.search(text):
            return text
    except OSError as error:
        why = str(error)
    raise SettingsError(
        f"{variable_of(name)}={value!r} cannot be read as PEM",
        why=why,
        hint="Flink is sent the certificates themselves, in PEM",
    )
