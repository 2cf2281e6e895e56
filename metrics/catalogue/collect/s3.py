"""Objects of S3, or of a server that speaks its protocol (AWS_ENDPOINT_URL)."""

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from metrics.catalogue.collect.encoded import decode, needs_decoding
from metrics.catalogue.collect.local import FITTING, FITTING_TEXT
from metrics.catalogue.collect.source import PIECE_BYTES, Source, check_length
from metrics.wording.errors import FileError, SettingsError
from metrics.wording.text import in_line

CONFIG = Config(connect_timeout=15, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})

_ADDRESS = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]+)(?:/(.*))?", re.IGNORECASE | re.DOTALL)
_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_HOW_TO_CODE = {
    "AccessDenied": "allow these credentials s3:GetObject, and for a key that ends in / s3:ListBucket",
    "NoSuchBucket": "check the name of the bucket, and AWS_ENDPOINT_URL",
    "NoSuchKey": "check the key; one that ends in / names all objects under it",
    "PreconditionFailed": "load it again: it was replaced after it had been listed",
    **dict.fromkeys(("ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"), _CREDENTIALS),
}


class S3Object(Source):
    """An object in S3.

    Args:
        client: of boto3.
        listed: its size and ETag in a listing, if it was listed: a later version is refused then.
    """

    def __init__(self, client: Any, bucket: str, key: str, listed: tuple[int, str] | None = None) -> None:
        super().__init__(f"s3://{bucket}/{in_line(key)}", key.rpartition("/")[2], listed[0] if listed else None)
        self._client = client
        self._where = {"Bucket": bucket, "Key": key} | ({"IfMatch": listed[1]} if listed else {})

    def pieces(self) -> Generator[bytes, None, None]:
        """Yield the object; it is complete if it has the announced length, and the right checksum if S3 has one."""
        with _errors(self.name):
            found = self._client.get_object(**self._where)
        length_bytes, encoding = found["ContentLength"], found.get("ContentEncoding", "").strip().lower()
        with closing(found["Body"]) as body:
            pieces = check_length(self.name, self._receive(body), length_bytes)
            if needs_decoding(encoding, self.path_name):
                self.size_bytes = None
                yield from decode(self.name, encoding, pieces)
            else:
                self.size_bytes = length_bytes
                yield from pieces

    def _receive(self, body: Any) -> Iterator[bytes]:
        with _errors(self.name):
            yield from body.iter_chunks(PIECE_BYTES)


def s3_sources(config: str) -> Sequence[S3Object]:
    """Return the object of a key, or all objects under a key that ends in `/` or is empty, in the order of their keys.

    Raises:
        SettingsError: the address cannot be read.
        FileError: there is no object, or the objects cannot be listed.
    """
    match = _ADDRESS.fullmatch(config)
    if match is None:
        raise SettingsError(
            "the s3:// address cannot be read", hint="write s3://bucket/key; credentials are not part of it"
        )
    bucket, key = match[1], match[2] or ""
    name = f"s3://{bucket}/{in_line(key)}"
    with _errors(name):
        client = _client()
        if key and not key.endswith("/"):
            return [S3Object(client, bucket, key)]
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        listed = [found for page in pages for found in page.get("Contents", ())]
    fitting = [found for found in listed if FITTING.fullmatch(found["Key"].rpartition("/")[2])]
    if not fitting:
        raise FileError(
            f"{name} contains no object to load",
            why=f"none of its {len(listed):,} objects has {FITTING_TEXT}",
            hint="name another, or the key of an object",
        )
    return [S3Object(client, bucket, found["Key"], (found["Size"], found["ETag"])) for found in fitting]


def _client() -> Any:
    try:
        return boto3.Session().client("s3", config=CONFIG)
    except ValueError as error:
        raise SettingsError("AWS_ENDPOINT_URL cannot be used", hint="write http://host:port or https://host") from error


@contextmanager
def _errors(name: str) -> Iterator[None]:
    """Turn errors of the client into FileErrors.

    Raises:
        FileError: S3 cannot be reached, or refuses.
    """
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        code, message = str(said.get("Code", "")), str(said.get("Message", ""))
        hint = _HOW_TO_CODE.get(code, "check the address and the credentials")
        raise FileError(f"{name} cannot be read", why=f"S3 answers {code}: {message}", hint=hint) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise FileError(f"{name} cannot be read", why=str(error), hint=_CREDENTIALS) from error
    except BotoCoreError as error:
        hint = "check AWS_ENDPOINT_URL, AWS_REGION and AWS_PROFILE, and the connection; then load it again"
        raise FileError(f"{name} cannot be read", why=str(error), hint=hint) from error
