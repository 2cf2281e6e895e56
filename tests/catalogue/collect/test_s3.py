import gzip
import hashlib
import random
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from metrics.catalogue.collect import s3
from metrics.catalogue.collect.source import Source
from metrics.catalogue.collect.sources import sources
from metrics.wording.errors import FileError, SettingsError
from tests.catalogue.collect.collected import MOVIES, PACKERS, collect, zipped
from tests.catalogue.collect.http_servers import Server, response

CONTENT = random.Random(1).randbytes(3_000_000)
SECRET = "wJalrXUtnFEMI/K7MDENG"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Give credentials, and none of this machine's."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a client of a server with one empty bucket, `dumps`, which the program reads, too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="dumps")
    yield client
    for found in client.list_objects_v2(Bucket="dumps").get("Contents", ()):
        client.delete_object(Bucket="dumps", Key=found["Key"])
    client.delete_bucket(Bucket="dumps")
    client.close()


def s3_sources(config: str) -> Sequence[Source]:
    return sources(config, "s3")


def failure(config: str) -> FileError:
    with pytest.raises(FileError) as caught:
        collect(s3_sources(config))
    assert SECRET not in f"{caught.value}{caught.value!r}"
    return caught.value


@pytest.mark.parametrize("suffix", [*PACKERS, ".zip"])
def test_an_object_is_collected_completely(suffix: str, client: Any) -> None:
    stored = zipped({"movies.csv": MOVIES}) if suffix == ".zip" else PACKERS[suffix](MOVIES)
    client.put_object(Bucket="dumps", Key=f"2021/12/movies.csv{suffix}", Body=stored)
    found = s3_sources(f"s3://dumps/2021/12/movies.csv{suffix}")
    assert [source.name for source in found] == [f"s3://dumps/2021/12/movies.csv{suffix}"]
    assert collect(found) == ([("movies.csv", MOVIES)], hashlib.sha256(stored).hexdigest(), len(stored), len(stored))


def test_a_key_that_ends_in_a_slash_names_all_objects_under_it_in_their_order(client: Any) -> None:
    for key in ("d/b.csv", "d/a.csv.gz", "d/e/c.csv", "d/", "d/README.txt", "d/.hidden.csv", "other.csv"):
        content = gzip.compress(b"a") if key.endswith(".gz") else key.encode()
        client.put_object(Bucket="dumps", Key=key, Body=content)
    found = s3_sources("s3://dumps/d/")
    assert [source.name for source in found] == ["s3://dumps/d/a.csv.gz", "s3://dumps/d/b.csv", "s3://dumps/d/e/c.csv"]
    assert [source.size_bytes for source in found] == [len(gzip.compress(b"a")), 7, 9]
    assert collect(found).parts == [("a.csv", b"a"), ("b.csv", b"d/b.csv"), ("c.csv", b"d/e/c.csv")]
    assert [source.name for source in s3_sources("s3://dumps")][-1] == "s3://dumps/other.csv"


def test_more_objects_than_a_page_has_are_all_listed(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        client.put_object(Bucket="dumps", Key=f"{number}.csv", Body=b"")
    with monkeypatch.context() as patch:
        patch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
        assert client.list_objects_v2(Bucket="dumps")["IsTruncated"]
        assert [source.path_name for source in s3_sources("s3://dumps/")] == [f"{number}.csv" for number in range(5)]


def test_an_object_that_was_replaced_after_it_was_listed_is_refused(client: Any) -> None:
    client.put_object(Bucket="dumps", Key="d/a.csv", Body=b"before")
    found = s3_sources("s3://dumps/d/")
    client.put_object(Bucket="dumps", Key="d/a.csv", Body=b"behind")
    with pytest.raises(FileError, match="PreconditionFailed") as caught:
        collect(found)
    assert caught.value.hint == "load it again: it was replaced after it had been listed"


def test_any_character_of_a_key_is_itself(client: Any) -> None:
    for key in ("a b?#%20+ü.csv", "s3://x/é.csv"):
        client.put_object(Bucket="dumps", Key=key, Body=MOVIES)
        assert collect(s3_sources(f"s3://dumps/{key}")).parts == [(key.rpartition("/")[2], MOVIES)]


def test_an_object_with_a_content_encoding_is_decoded_unless_its_name_says_it(client: Any) -> None:
    stored = gzip.compress(MOVIES)
    for key in ("movies.csv", "movies.csv.gz"):
        client.put_object(Bucket="dumps", Key=key, Body=stored, ContentEncoding="gzip")
        assert collect(s3_sources(f"s3://dumps/{key}")).parts == [("movies.csv", MOVIES)]
    client.put_object(Bucket="dumps", Key="movies.csv", Body=stored[:-3], ContentEncoding="gzip")
    assert "is corrupt, truncated" in failure("s3://dumps/movies.csv").what


@pytest.mark.parametrize(
    ("config", "why", "hint"),
    [
        ("s3://dumps/missing.csv", "S3 answers NoSuchKey:", "check the key"),
        ("s3://no-such-bucket/a.csv", "S3 answers NoSuchBucket:", "check the name of the bucket"),
        ("s3://no-such-bucket/", "S3 answers NoSuchBucket:", "check the name of the bucket"),
        ("s3://dumps/none/", "none of its 0 objects has a name that ends in .csv", "name another"),
    ],
)
@pytest.mark.usefixtures("client")
def test_what_is_not_there_is_named_with_a_hint(config: str, why: str, hint: str) -> None:
    error = failure(config)
    assert error.what.startswith(config)
    assert error.why.startswith(why)
    assert error.hint.startswith(hint)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_denied_permissions_and_wrong_credentials_are_named_with_a_hint(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    with Server({"/dumps/a.csv": response(body, status="403 Forbidden")}).serving() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        error = failure("s3://dumps/a.csv")
    assert error.why == f"S3 answers {code}: no"
    assert error.hint == s3._HOW_TO_CODE[code]


def test_without_credentials_the_hint_says_where_they_are_taken_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = failure("s3://dumps/a.csv")
    assert error.why == "Unable to locate credentials"
    assert error.hint.startswith("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize("sent", [0, 1_000_000, 2_999_999])
def test_an_object_that_ends_before_its_length_is_refused(sent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"/dumps/movies.csv": response(CONTENT, 'ETag: "x"', sent=sent)})
    with server.serving() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        error = failure("s3://dumps/movies.csv")
    assert "s3://dumps/movies.csv" in error.what
    assert len(server.requests) == 1  # it is not resumed


def test_a_server_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    error = failure("s3://dumps/movies.csv")
    assert "Could not connect to the endpoint URL" in error.why
    assert "AWS_ENDPOINT_URL" in error.hint


@pytest.mark.parametrize("config", ["s3://", "s3:///key", "s3://AKIA:secret@dumps/key", "s3://a b/key"])
def test_an_address_that_cannot_be_read_is_refused_without_showing_it(config: str) -> None:
    with pytest.raises(SettingsError, match="the s3:// address cannot be read\nhint: write s3://bucket/key") as caught:
        s3_sources(config)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["host:1", "ftp//x", "http://anna:s3cret@[x"])
def test_an_endpoint_that_is_not_an_address_is_a_wrong_setting(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(SettingsError, match="AWS_ENDPOINT_URL cannot be used") as caught:
        s3_sources("s3://dumps/a.csv")
    assert "s3cret" not in str(caught.value)
