"""Why no broker answers, from the client's errors and a connection to the port, and what to do about it."""

import re
import socket
from collections.abc import Collection
from typing import NamedTuple

from confluent_kafka import KafkaError

from metrics.kafka.settings import KafkaSettings, endpoints
from metrics.kafka.tls import AUTHORITY, CERTIFICATE, certificate_refusal, speaks_tls
from metrics.wording.errors import BrokerError, DeniedError

_CONNECT = re.compile(r"(?:\w+://)?([^\s/]+): Connect to ipv[46]#\1 failed: ")

_START = "start the broker, or set BOOTSTRAP_SERVERS to one that runs;\nwithout it a local broker is started"
_HANGS = "look at its log and its machine; once it answers again, give the command again"
_RESOLVE = "correct BOOTSTRAP_SERVERS, or make the name resolvable on this machine"
_CREDENTIALS = (
    "set KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM to what the broker accepts,\n"
    "and BOOTSTRAP_SERVERS to one of its ports that asks for a password"
)
_WITH_TLS = "the port speaks TLS: set KAFKA_SECURITY_PROTOCOL to SSL, or to SASL_SSL if there is a password"
_WITHOUT_TLS = "the port does not speak TLS: set KAFKA_SECURITY_PROTOCOL to PLAINTEXT or SASL_PLAINTEXT"
_OTHER = (
    "check that the port is one of Kafka's; if it asks for a password, set KAFKA_SECURITY_PROTOCOL to SASL_PLAINTEXT,\n"
    "and KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
)
_WITHOUT_PROPERTIES = {_START, _HANGS, _RESOLVE}


class _Failure(NamedTuple):
    """Failure to connect, in words.

    Attributes:
        why: the cause, if more is known than the client says.
        is_lasting: whether the same will happen until settings or certificates change.
    """

    what: str
    hint: str
    why: str = ""
    is_lasting: bool = False


def unreachable(
    settings: KafkaSettings, codes: Collection[int], why: str, *, is_refused: bool, has_answered: bool = False
) -> BrokerError:
    """Return the error to raise.

    Args:
        codes: the codes of the client's errors.
        why: their texts.
        is_refused: whether all connections were refused. The ports are not checked then: a broker that is starting
            may have opened one since.
        has_answered: whether one of the addresses has answered this process as Kafka does.
    """
    if is_refused:
        failure = _Failure("no broker answers", _START)
    elif has_answered and not {KafkaError._AUTHENTICATION, KafkaError._SSL} & {*codes}:
        failure = _Failure("the broker no longer answers", _HANGS)
    else:
        failure = _failure(settings, codes)
    kind = DeniedError if failure.is_lasting else BrokerError
    whys = filter(None, (failure.why, _cause(settings.bootstrap_servers or "", why)))
    return kind(f"{failure.what} at {settings.bootstrap_servers}", why="\n".join(whys), hint=_hint(settings, failure))


def _hint(settings: KafkaSettings, failure: _Failure) -> str:
    if settings.kafka_config is None or failure.hint in _WITHOUT_PROPERTIES:
        return failure.hint
    return f"{failure.hint};\nor correct the same properties in {settings.kafka_config}, the file of KAFKA_CONFIG"


def _cause(servers: str, why: str) -> str:
    """Return the client's texts with each address once; a single address, which the error names, is left out."""
    once = _CONNECT.sub(r"\1: ", why)
    return once if "," in servers else re.sub(rf"(\w+://)?{re.escape(servers)}: ", "", once)


def require_names(settings: KafkaSettings, hosts: Collection[str]) -> None:
    """Check that this machine can resolve the name of a node, as the broker advertises it.

    Raises:
        BrokerError: it can resolve none of them.
    """
    known = {host for host, _ in endpoints(settings.bootstrap_servers or "")}
    if not hosts or not known.isdisjoint(hosts) or any(map(_resolves, hosts)):
        return
    raise BrokerError(
        f"the broker at {settings.bootstrap_servers} advertises a name that cannot be resolved here",
        why=f"it advertises {', '.join(sorted(hosts))}, which cannot be resolved here",
        hint="set BOOTSTRAP_SERVERS to the broker's port for this machine,\n"
        "or let it advertise a name that this machine can resolve (advertised.listeners)",
    )


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True


def _failure(settings: KafkaSettings, codes: Collection[int]) -> _Failure:
    if KafkaError._AUTHENTICATION in codes:
        return _Failure("authentication failed", _CREDENTIALS, is_lasting=True)
    addresses = list(endpoints(settings.bootstrap_servers or ""))
    uses_tls = settings.client_properties.get("security.protocol", "").upper().endswith("SSL")
    refusals = (certificate_refusal(settings.client_properties, *address) for address in addresses if uses_tls)
    if refused := next(filter(None, refusals), None):
        return _Failure("no TLS connection to the broker", refused.hint, refused.why, is_lasting=True)
    if KafkaError._SSL in codes:
        return _Failure("no TLS connection to the broker", AUTHORITY)
    looks = [speaks_tls(*address) for address in addresses]
    if all(look is None for look in looks):
        return _Failure("no broker answers", _RESOLVE if KafkaError._RESOLVE in codes else _START)
    what = "a port answers, but not as Kafka does,"
    if uses_tls:
        return _Failure(what, CERTIFICATE if any(looks) else _WITHOUT_TLS)
    return _Failure(what, _WITH_TLS if any(looks) else _OTHER)
