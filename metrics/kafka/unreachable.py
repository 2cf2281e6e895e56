"""Why no broker answers, from the client's errors and a connection to the port, and what to do about it."""

import re
import socket
import ssl
from collections.abc import Collection
from contextlib import closing

from confluent_kafka import KafkaError

from metrics.errors import BrokerError, DeniedError
from metrics.kafka.settings import KafkaSettings, endpoints

LOOK_TIMEOUT_S = 1.0
_CONNECT = re.compile(r"(\S+): Connect to ipv[46]#\1 failed: ")

_START = "start the broker, or set BOOTSTRAP_SERVERS to one that runs;\nwithout it a local broker is started"
_HANGS = "look at its log and its machine; once it answers again, give the command again"
_RESOLVE = "correct BOOTSTRAP_SERVERS, or make the name resolvable on this machine"
_CREDENTIALS = (
    "set KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM to what the broker accepts,\n"
    "and BOOTSTRAP_SERVERS to one of its ports that asks for a password"
)
_AUTHORITY = (
    "set KAFKA_SSL_CA_LOCATION to the file of the authority that signed the broker's certificate,\n"
    "and name the broker in BOOTSTRAP_SERVERS as its certificate does"
)
_CERTIFICATE = (
    "the port speaks TLS and may ask for a certificate of the client:\n"
    "set KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION to one that the broker accepts"
)
_WITH_TLS = "the port speaks TLS: set KAFKA_SECURITY_PROTOCOL to SSL, or to SASL_SSL if there is a password"
_WITHOUT_TLS = "the port does not speak TLS: set KAFKA_SECURITY_PROTOCOL to PLAINTEXT or SASL_PLAINTEXT"
_OTHER = (
    "check that the port is one of Kafka's; if it asks for a password, set KAFKA_SECURITY_PROTOCOL to SASL_PLAINTEXT,\n"
    "and KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
)


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
        what, hint = "no broker answers", _START
    elif has_answered and not {KafkaError._AUTHENTICATION, KafkaError._SSL} & {*codes}:
        what, hint = "the broker no longer answers", _HANGS
    else:
        what, hint = _what_and_now(settings, codes)
    kind = DeniedError if KafkaError._AUTHENTICATION in codes else BrokerError
    return kind(f"{what} at {settings.bootstrap_servers}", why=_cause(settings.bootstrap_servers or "", why), hint=hint)


def _cause(servers: str, why: str) -> str:
    """Return the client's texts with each address once; a single address, which the error names, is left out."""
    once = _CONNECT.sub(r"\1: ", why)
    return once if "," in servers else once.replace(f"{servers}: ", "")


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


def _what_and_now(settings: KafkaSettings, codes: Collection[int]) -> tuple[str, str]:
    if KafkaError._AUTHENTICATION in codes:
        return "authentication failed", _CREDENTIALS
    if KafkaError._SSL in codes:
        return "no TLS connection to the broker", _AUTHORITY
    looks = [_speaks_tls(*address) for address in endpoints(settings.bootstrap_servers or "")]
    if all(speaks_tls is None for speaks_tls in looks):
        return "no broker answers", _RESOLVE if KafkaError._RESOLVE in codes else _START
    speaks_tls = any(looks)
    if settings.client_properties.get("security.protocol", "").upper().endswith("SSL"):
        return "a port answers, but not as Kafka does,", _CERTIFICATE if speaks_tls else _WITHOUT_TLS
    return "a port answers, but not as Kafka does,", _WITH_TLS if speaks_tls else _OTHER


def _speaks_tls(host: str, port: int) -> bool | None:
    """Connect to a port as a TLS client does; return whether it speaks TLS, None if it accepts no connection.

    Its certificate is not checked, since nothing is sent.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        connected = socket.create_connection((host, port), LOOK_TIMEOUT_S)
    except OSError:
        return None
    with closing(connected):
        try:
            context.wrap_socket(connected, server_hostname=host).close()
        except OSError:  # ssl.SSLError is one
            return False
    return True
