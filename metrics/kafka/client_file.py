"""The file that KAFKA_CONFIG names: client properties as Kafka's own tools or kcat take them.

Its format is that of Java's properties: `name=value`, comments with # or !, lines continued by a backslash.
"""

from collections.abc import Mapping
from pathlib import Path

import javaproperties

from metrics.kafka.client_properties import (
    ALTERNATIVES,
    CLIENT_PREFIX,
    OWNED,
    client_property,
    is_property,
    variable_of,
    without_file,
)
from metrics.kafka.java_properties import from_java
from metrics.wording.errors import SettingsError

CONFIG = "KAFKA_CONFIG"
BROKERS = ("bootstrap.servers", "metadata.broker.list")

# Values of properties that the program sets itself, and sets to these.
_AGREED = {
    ("acks", "all"),
    ("acks", "-1"),
    ("enable.auto.commit", "false"),
    ("enable.idempotence", "true"),
    ("isolation.level", "read_committed"),
}


def with_client_file(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return environment variables with those that the file of KAFKA_CONFIG stands for; the environment's own win.

    An empty variable of the environment unsets a property of the file.

    Raises:
        SettingsError: the file cannot be read, or has properties that cannot be used.
    """
    path = environment.get(CONFIG, "")
    if not path:
        return environment
    properties, wrong = _checked(_read(path))
    if wrong:
        raise SettingsError(
            f"{path} ({CONFIG}) cannot be used",
            why="\n".join(wrong),
            hint="correct or delete these properties; a copy of the file for this program may leave them out",
        )
    own = {client_property(without_file(variable)) for variable in environment if variable.startswith(CLIENT_PREFIX)}
    overridden = own.union(*(same for same in ALTERNATIVES if own & same))
    variables = {
        "BOOTSTRAP_SERVERS" if name in BROKERS else variable_of(name): text
        for name, text in properties.items()
        if name not in overridden
    }
    return variables | {**environment}


def _read(path: str) -> dict[str, str]:
    """Read the properties of a file; of repeated ones, the last.

    Raises:
        SettingsError: it cannot be read, or is not such a file.
    """
    try:
        read = javaproperties.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        why = error.strerror or str(error)
    except UnicodeDecodeError:
        why = "it is not text in UTF-8: write other characters as \\u and four hexadecimal digits"
    except javaproperties.InvalidUEscapeError:
        why = "a \\u in it is not followed by four hexadecimal digits; a backslash is written twice"
    else:
        return {name: text.strip() for name, text in read.items()}
    raise SettingsError(f"{CONFIG}={path!r} cannot be read", why=why, hint="correct the path or the file")


def _checked(given: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the properties in the names of librdkafka, and a line for each that cannot be used."""
    properties, wrong = from_java(given)
    allowed: dict[str, str] = {}
    for name, text in properties.items():
        if name in OWNED and name not in BROKERS:
            if (name, text.lower()) not in _AGREED:
                wrong.append(f"{name} cannot be changed here: {OWNED[name]}")
        elif not is_property(name):
            wrong.append(f"{name}: neither the Kafka client of this program nor its translation has this property")
        elif text:
            allowed[name] = text
    return allowed, wrong
