import functools
import http.server
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.collect.ftp_servers import serving

SIZE_BYTES = 200 << 20
# VmHWM is that of the new program; ru_maxrss would have that of the tests, too.
PROGRAM = """
import sys
from pathlib import Path
from metrics.catalogue.collect.reading import Reading
from metrics.catalogue.collect.sources import sources
reading = Reading(sources(sys.argv[1], None))
contents = 0
for part in reading.parts():
    while piece := part.stream.read(1 << 18):
        contents += len(piece)
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(contents, peak.split()[1])
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("large")
    (folder / "bucket").mkdir()
    line = b"Unforgiven,anna@example.com,1.5,2021-12-06T19:30:19.099+0100,2021-12-06T20:30:19.099+0100\n"
    piece = line * ((1 << 20) // len(line) + 1)
    with (folder / "bucket" / "streams.csv").open("wb") as file:
        for _ in range(200):
            file.write(piece[: 1 << 20])
    with zipfile.ZipFile(folder / "bucket" / "streams.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(folder / "bucket" / "streams.csv", "streams.csv")
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "config",
    [
        "{folder}/bucket/streams.csv",
        "{folder}/bucket/streams.zip",
        "ftp://127.0.0.1:{ftp}/bucket/streams.csv",
        "http://127.0.0.1:{http}/bucket/streams.csv",
        "http://127.0.0.1:{http}/bucket/streams.zip",
        "s3://bucket/streams.csv",
    ],
)
def test_a_large_source_is_read_in_less_than_60_mb_of_memory(
    config: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = functools.partial(Quiet, directory=str(folder))
    with serving(folder) as ftp_port, http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        http_port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            # a get of S3 is one of HTTP: this server has what the client needs
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{http_port}")
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
            where = config.format(folder=folder, ftp=ftp_port, http=http_port)
            printed = subprocess.check_output([sys.executable, "-c", PROGRAM, where], text=True)
        finally:
            server.shutdown()
    contents, peak_kb = map(int, printed.split())
    assert contents == SIZE_BYTES
    assert peak_kb < 60_000
