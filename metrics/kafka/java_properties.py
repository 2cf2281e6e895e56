"""Properties of Kafka's Java clients, as those of librdkafka, the client that this program uses.

Both call most properties alike. Users, certificates and keys have other names and formats; each function here takes
the Java names of one of them out of a dictionary of properties, and puts in what says the same. A name of librdkafka
that is there, too, is preferred: then a file has both, for both clients.
"""

import re
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path

from metrics.settings.declared import WrongValueError

Properties = dict[str, str]

_VALUE = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s\"';=]+"
_LOGIN = re.compile(rf"\s*(?P<module>[\w.$]+)\s+\w+(?P<options>(?:\s+[\w.$-]+\s*=\s*(?:{_VALUE}))*)\s*;\s*", re.DOTALL)
_OPTION = re.compile(rf"([\w.$-]+)\s*=\s*({_VALUE})", re.DOTALL)
_MODULES = re.compile(r"org\.apache\.kafka\.common\.security\.(plain\.Plain|scram\.Scram)LoginModule")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

# As java.io.StreamTokenizer reads texts in quotes.
_ESCAPE = re.compile(r"\\(?:([0-3][0-7]{2}|[0-7]{1,2})|(.))", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_JKS = b"\xfe\xed\xfe\xed"  # the first bytes of a file

# Of programs and of the Java clients alone; they change nothing about the connection or the records.
_WITHOUT_EFFECT = re.compile(
    r"schema\.registry\..*|basic\.auth\..*|(key|value)\.(de)?serializer|default\.api\.timeout\.ms|max\.block\.ms"
    r"|buffer\.memory|interceptor\.classes|(auto\.include\.jmx|metrics?)\..*"
)


def from_java(given: Properties) -> tuple[Properties, list[str]]:
    """Return properties with their Java names translated, and a line for each that cannot be."""
    properties = {name: text for name, text in given.items() if not _WITHOUT_EFFECT.fullmatch(name)}
    wrong: list[str] = []
    for translate in _TRANSLATIONS:
        try:
            translate(properties)
        except WrongValueError as error:
            wrong.append(str(error))
    return properties, wrong


def _user(properties: Properties) -> None:
    login = properties.pop("sasl.jaas.config", "")
    if not login or "sasl.username" in properties:
        return
    parts = _LOGIN.fullmatch(login)
    options = {name: _unquoted(text) for name, text in _OPTION.findall(parts["options"])} if parts else {}
    if parts is None or not _MODULES.fullmatch(parts["module"]) or not options.keys() >= {"username", "password"}:
        raise WrongValueError(
            "sasl.jaas.config: only a PlainLoginModule or ScramLoginModule with a username and a password can be read, "
            'such as org.apache.kafka.common.security.plain.PlainLoginModule required username="…" password="…";'
        )
    if properties.get("sasl.mechanism", properties.get("sasl.mechanisms")) not in _MECHANISMS:
        raise WrongValueError(f"sasl.jaas.config: needs sasl.mechanism={' or '.join(_MECHANISMS)} beside it")
    properties |= {"sasl.username": options["username"], "sasl.password": options["password"]}


def _unquoted(text: str) -> str:
    if text[0] not in "\"'":
        return text
    return _ESCAPE.sub(
        lambda found: chr(int(found[1], 8)) if found[1] else _ESCAPED.get(found[2], found[2]), text[1:-1]
    )


def _authorities(properties: Properties) -> None:
    kind = properties.pop("ssl.truststore.type", "JKS").upper()
    file = properties.pop("ssl.truststore.location", "")
    certificates = properties.pop("ssl.truststore.certificates", "")
    properties.pop("ssl.truststore.password", None)  # certificates in PEM need none
    if "ssl.ca.location" in properties or "ssl.ca.pem" in properties:
        return
    if certificates:
        properties["ssl.ca.pem"] = _pem(certificates)
    elif file and kind == "PEM":
        properties["ssl.ca.location"] = file
    elif file:
        raise WrongValueError(
            f"ssl.truststore.location={file!r}: must be PEM, not {kind}: convert it with "
            f"keytool -list -rfc -keystore {shlex.quote(file)} > ca.pem, and set ssl.truststore.type=PEM"
        )


def _certificate(properties: Properties) -> None:
    kind = properties.pop("ssl.keystore.type", "JKS").upper()
    chain, key = properties.pop("ssl.keystore.certificate.chain", ""), properties.pop("ssl.keystore.key", "")
    if "ssl.certificate.location" in properties or "ssl.certificate.pem" in properties:
        properties.pop("ssl.keystore.location", None)
        properties.pop("ssl.keystore.password", None)
    elif chain or key:
        properties |= {"ssl.certificate.pem": _pem(chain), "ssl.key.pem": _pem(key)}
    elif kind == "PEM":
        if file := properties.pop("ssl.keystore.location", ""):
            properties |= {"ssl.certificate.location": file, "ssl.key.location": file}
    elif file := properties.get("ssl.keystore.location", ""):
        _require_pkcs12(file)


def _require_pkcs12(file: str) -> None:
    """Check that a file is not in the format JKS; Java reads PKCS #12, too, whatever the type that is set."""
    try:
        with Path(file).open("rb") as opened:
            is_jks = opened.read(len(_JKS)) == _JKS
    except OSError as error:
        raise WrongValueError(f"ssl.keystore.location={file!r}: cannot be read: {error.strerror}") from None
    if is_jks:
        raise WrongValueError(
            f"ssl.keystore.location={file!r}: must be PKCS #12 or PEM, not JKS: convert it with "
            f"keytool -importkeystore -srckeystore {shlex.quote(file)} -destkeystore client.p12 -deststoretype PKCS12"
        )


def _pem(text: str) -> str:
    """Return certificates or keys in PEM with the lines that OpenSSL requires; Java does without them."""
    blocks = [(kind, textwrap.wrap("".join(content.split()), 64)) for kind, content in _PEM.findall(text)]
    return "".join("\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----\n"]) for kind, lines in blocks)


def _host_names(properties: Properties) -> None:
    if properties.get("ssl.endpoint.identification.algorithm") == "":
        properties["ssl.endpoint.identification.algorithm"] = "none"


_TRANSLATIONS: tuple[Callable[[Properties], None], ...] = (_user, _authorities, _certificate, _host_names)
