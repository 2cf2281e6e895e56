"""Certificates of an authority of the test's own."""

import subprocess
from pathlib import Path

HERE = "subjectAltName=IP:127.0.0.1"


def make_certificates(folder: Path) -> dict[str, str]:
    """Make the authorities `ca` and `other`, and certificates of the first for `server` and `client`.

    Returns:
        The properties of a broker that shows the server's, and trusts the first authority.
    """
    for name in ("ca", "other"):
        make_certificate(folder, name)
    for name in ("server", "client"):
        make_certificate(folder, name, "-CA", "ca.crt", "-CAkey", "ca.key", "-addext", HERE)
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore(folder, "server")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": f"{folder}/ca.crt",
    }


def keystore(folder: Path, name: str) -> Path:
    """Return a file with a key and its certificate."""
    file = folder / f"{name}.pem"
    file.write_bytes((folder / f"{name}.key").read_bytes() + (folder / f"{name}.crt").read_bytes())
    return file


def make_certificate(folder: Path, name: str, *by: str) -> None:
    """Make a key and its certificate, signed by itself unless `by` names an authority."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    command += ["-keyout", f"{name}.key", "-out", f"{name}.crt", *by]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def make_expired_certificate(folder: Path, name: str) -> None:
    """Make a key and a certificate by the first authority that expired years ago."""
    settings = {"database": "index.txt", "new_certs_dir": ".", "default_md": "sha256", "policy": "any"}
    lines = [f"{key}={value}" for key, value in (settings | {"rand_serial": "yes", "copy_extensions": "copy"}).items()]
    (folder / "ca.cnf").write_text("\n".join(["[ca]", "default_ca=made", "[made]", *lines, "[any]", "CN=supplied\n"]))
    (folder / "index.txt").write_text("")
    files = ["-keyout", f"{name}.key", "-out", f"{name}.csr"]
    asked = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-addext", HERE, *files]
    days = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
    by = ["-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key"]
    signed = ["openssl", "ca", "-batch", "-notext", *by, *days, "-in", f"{name}.csr", "-out", f"{name}.crt"]
    for command in (asked, signed):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
