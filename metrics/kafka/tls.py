"""TLS connections to a port as the client opens them: whether it speaks TLS, and which side refuses a certificate.

The client's own error for a certificate is the same whether it is expired, another host's, or of an unknown authority.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

LOOK_TIMEOUT_S = 1.0

AUTHORITY = (
    "set KAFKA_SSL_CA_LOCATION to the file of the authority that signed the broker's certificate,\n"
    "and name the broker in BOOTSTRAP_SERVERS as its certificate does"
)
CERTIFICATE = (
    "the port speaks TLS and may ask for a certificate of the client:\n"
    "set KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION to one that the broker accepts;\n"
    "or for a user: set KAFKA_SECURITY_PROTOCOL=SASL_SSL, KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and its password"
)
_RENEW = "renew the broker's certificate; if it is valid today, correct the clock of this machine"
_NAME = (
    "name the broker in BOOTSTRAP_SERVERS as its certificate does, or give it a certificate for this name\n"
    "(KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM=none accepts any name, so other servers can pose as the broker)"
)
# By the codes of X509_verify_cert in OpenSSL: not yet valid, expired, another host, another address.
_HINTS = {9: _RENEW, 10: _RENEW, 62: _NAME, 64: _NAME}

# Of the alerts of TLS, in the names that OpenSSL gives them, such as SSLV3_ALERT_CERTIFICATE_UNKNOWN.
_ALERT = re.compile(r"ALERT_(.*CERTIFICATE.*|UNKNOWN_CA)")


class CertificateRefusal(NamedTuple):
    """A certificate that one side of a connection does not accept."""

    why: str
    hint: str


def certificate_refusal(properties: Mapping[str, str], host: str, port: int) -> CertificateRefusal | None:
    """Connect to a port with the certificates of the client; return which one is refused, None if none is.

    Nothing is sent but the handshake, so no password is at risk.

    Args:
        properties: of the client.
    """
    try:
        connected = socket.create_connection((host, port), LOOK_TIMEOUT_S)
    except OSError:
        return None
    with closing(connected):
        try:
            with _context(properties).wrap_socket(connected, server_hostname=host) as secured:
                secured.recv(1)  # in TLS 1.3, the broker answers to the client's certificate after the handshake
        except ssl.SSLCertVerificationError as error:
            why = f"the certificate of {host}:{port} is refused here: {error.verify_message}"
            return CertificateRefusal(why, _HINTS.get(error.verify_code, AUTHORITY))
        except ssl.SSLError as error:
            if alert := _ALERT.search(error.reason or ""):
                said = alert[1].replace("_", " ").lower()
                return CertificateRefusal(f"{host}:{port} refuses the certificate of this client: {said}", CERTIFICATE)
        except (OSError, ValueError):  # without a result, or a file that the client names in an error of its own
            return None
    return None


def _context(properties: Mapping[str, str]) -> ssl.SSLContext:
    """Return the TLS of a client with these properties, as far as Python's library has them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = properties.get("ssl.endpoint.identification.algorithm", "").lower() != "none"
    if properties.get("enable.ssl.certificate.verification", "").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    file = Path(properties.get("ssl.ca.location", ""))
    if authorities := properties.get("ssl.ca.pem"):
        context.load_verify_locations(cadata=authorities)
    elif str(file) in (".", "probe"):
        context.load_default_certs()
    else:
        context.load_verify_locations(capath=file) if file.is_dir() else context.load_verify_locations(cafile=file)
    if certificate := properties.get("ssl.certificate.location"):
        password = properties.get("ssl.key.password", "")  # without one, Python would ask for it on the terminal
        context.load_cert_chain(certificate, properties.get("ssl.key.location"), password)
    return context


def speaks_tls(host: str, port: int) -> bool | None:
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
    with closing(connected), suppress(OSError):  # ssl.SSLError is one
        context.wrap_socket(connected, server_hostname=host).close()
        return True
    return False
