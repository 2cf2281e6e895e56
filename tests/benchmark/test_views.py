"""Measured views: the events, the client of uploads, what is called wrong, and the page."""

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import ne
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any, ClassVar

import msgspec
import pytest

from benchmark import process
from benchmark.page import Findings
from benchmark.views import asking, counting, events, growing, sending, uploading, viewing
from benchmark.views.asking import Asking, Other
from benchmark.views.counting import FAUST, OURS, Counting
from benchmark.views.events import ORDINARY, SCATTERED, WORST, Mix, Size
from benchmark.views.growing import Growth
from benchmark.views.uploading import Upload
from benchmark.views.viewing import Viewing
from benchmark.views.watch import Watch
from metrics.views.core.event import read_event
from metrics.views.core.recount import Recount
from tests.benchmark.test_commands import run as run_command

END = 1_764_374_400


def test_worst_events_are_valid_waypoints_that_share_hardly_any_row(tmp_path: Path) -> None:
    path = tmp_path / "worst.ndjson"
    events.write_waypoints(path, events.worst(2_000), END, lambda _: 1.0)
    read = [read_event(line) for line in path.read_bytes().splitlines()]
    assert len({event.event_id for event in read}) == 2_000
    assert {event.event_type for event in read} == {"waypoint"}
    assert all(END - events.RANGE_S <= event.timestamp < END for event in read)
    assert len({(event.user_id, event.media_id) for event in read}) == 2_000
    assert len({(event.media_id, event.timestamp // 60) for event in read}) > 1_990
    other = tmp_path / "same.ndjson"
    events.write_waypoints(other, events.worst(2_000), END, lambda _: 1.0)
    assert other.read_bytes() == path.read_bytes()


def test_scattered_events_are_about_popular_items_by_any_user(tmp_path: Path) -> None:
    path = tmp_path / "scattered.ndjson"
    events.write_waypoints(path, Size(3_000, 10, 20), END, events.popularity)
    read = [read_event(line) for line in path.read_bytes().splitlines()]
    of = Counter(event.media_id for event in read)
    assert set(of) == set(range(10))
    assert of[0] == pytest.approx(10 * of[9], rel=0.3)
    assert len({(event.user_id, event.media_id) for event in read}) == 200


def test_faust_must_have_the_rows_of_the_recount() -> None:
    recount = Recount()
    for line in (
        line_of("a", 7, 1, 900, "waypoint"),
        line_of("b", 7, 1, 961, "waypoint"),
        line_of("b", 7, 1, 961, "waypoint"),
        line_of("c", 7, 2, 900, "streamend"),
    ):
        recount.take(0, 0, line)
    assert counting.expected(recount) == {
        "media": {"7": [2, 0, 0, 1]},
        "user_media": {"1 7": 2},
        "media_quarter": {"7 900": [2, 0, 0, 1]},
        "media_minute": {"7 900": [1, 0, 0, 1], "7 960": [1, 0, 0, 0]},
    }


def line_of(event_id: str, media: int, user: int, timestamp: int, kind: str) -> bytes:
    fields = {"EventId": event_id, "MediaId": media, "UserId": user, "Timestamp": timestamp}
    return json.dumps(fields | {"DateTime": "1970-01-01T00:15:00Z", "EventType": kind}).encode()


def test_only_valid_lines_are_expected_in_the_topic(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join([line_of("a", 1, 1, 1, "waypoint"), b"{}", line_of("b", 1, 1, 1, "waypoint"), b""]))
    assert uploading.valid_lines(file, None) == 2
    assert uploading.valid_lines(file, 2) == 1
    assert uploading.passes(file, 1) == 1
    assert uploading.passes(file, file.stat().st_size + 1) == 2


class Taking(BaseHTTPRequestHandler):
    """A server that counts the lines of a body, and refuses lines without an EventId."""

    protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]
    paths: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"leave":
            self.connection.shutdown(SHUT_RDWR)
            self.close_connection = True
            return
        lines = body.splitlines()
        good = sum(b"EventId" in line for line in lines)
        self.paths.append(self.path)
        answer = json.dumps({"accepted": good, "rejected": len(lines) - good, "errors": []}).encode()
        self.send_response(500 if b"fail" in body else 200 if good else 422)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    Taking.paths.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_is_sent_several_times_in_one_request_or_in_a_request_for_each_event(
    address: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.ndjson"
    lines = [*(line_of(str(number), 1, 1, 1, "waypoint") for number in range(40)), b"{}"]
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    size = file.stat().st_size
    assert sending.stream(f"{address}/views/events", file, 3) == (120, 3, 3 * size)
    assert Taking.paths == ["/views/events"]
    assert sending.each(f"{address}/event/create/", file, 41) == (40, 1, size)
    assert sending.each(f"{address}/event/create/", file, 10) == (10, 0, sum(len(line) + 1 for line in lines[:10]))
    assert len(Taking.paths) == 1 + 41 + 10
    file.write_bytes(b"fail\n")
    with pytest.raises(ConnectionError, match=r"^500"):
        sending.stream(address, file, 1)
    assert sending.each(address, file, 1) == (0, 1, 5)
    file.write_bytes(b"leave\n" + lines[0] + b"\n")
    assert sending.each(address, file, 2) == (1, 1, file.stat().st_size), "the next event gets a new connection"


BUSY = "size = bytearray(60_000_000); print('ready', flush=True)\nwhile True: pass"


def test_the_processor_time_and_memory_of_a_running_process_are_watched() -> None:
    with process.running([sys.executable, "-c", BUSY], {}) as started:
        while started.printed != ["ready"]:
            assert not started.has_ended(0.05)
        with Watch(started.pid) as watch:
            assert not started.has_ended(1.0)
    assert 0.05 < watch.cpu_s < 5
    assert 60e6 < watch.peak_pss_bytes <= watch.peak_rss_bytes < 120e6


def test_scores_must_be_equal_within_a_billionth_whatever_the_order_of_ties() -> None:
    def other(*scores: tuple[int, float]) -> Other:
        return Other("pandas", 1.0, 1.0, list(scores))

    assert asking.differences([(3, 0.5), (4, 0.25), (5, 0.25)], other((3, 0.5), (5, 0.25 + 9e-10), (4, 0.25))) == []
    assert asking.differences([(3, 0.5)], other((3, 0.500001))) == ["a score differs by 1.0e-06 from that of pandas"]
    assert asking.differences([(3, 0.5)], other()) == ["1 similar items, but 0 by pandas"]
    assert asking.differences([(3, 0.5), (4, 0.25)], other((5, 0.5), (4, 0.25))) == [
        "item 3 is not among those of pandas"
    ]
    assert asking.differences([(3, 0.5), (4, 0.25)], other((3, 0.5), (5, 0.25))) == [], "a tie at the last place"


def test_growth_changes_one_number_at_a_time() -> None:
    usual = Size(900_000, 1_000, 10_000)
    found = growing.sizes(900_000, is_long=True)
    assert found[: len(growing.sizes(900_000, is_long=False))] == growing.sizes(900_000, is_long=False)
    assert found[0] == (ORDINARY, usual)
    assert max(size.events for _, size in found) == 9_000_000
    for mix in (ORDINARY, SCATTERED):
        changed = [sum(map(ne, size, usual)) for each, size in found if each == mix]
        assert changed == [0] + [1] * (len(changed) - 1)


def upload(name: str = uploading.OURS, **fields: Any) -> Upload:
    numbers = {"lines": 1_000_000, "size_bytes": 160_000_000, "seconds": 10.0, "server_s": 5.0, "client_s": 1.0}
    return msgspec.convert(
        {"name": name} | numbers | {"peak_rss_bytes": 95_000_000, "peak_pss_bytes": 75_000_000} | fields, Upload
    )


def run(name: str = OURS, mix: Mix = WORST, *, events: int = 1_000_000, cpu_s: float = 25.0) -> Counting:
    return Counting(name, mix, events, 2 * cpu_s, cpu_s / 2, cpu_s / 2, cpu_s / 4, 90_000_000)


def growth(mix: Mix = ORDINARY, **fields: float) -> Growth:
    asked = {"media_id": 7, "viewers": 9_000, "first_s": 0.3, "cold_s": 0.2, "kept_s": 0.002, "server_s": 0.15}
    rows, sizes = {"seen": 1_000_000, "user_media": 300_000}, {"seen": 80_000_000, "user_media": 40_000_000}
    return Growth(mix, Size(1_000_000), run(mix=ORDINARY), msgspec.convert(asked | fields, Asking), rows, sizes)


def test_each_missed_target_is_a_problem() -> None:
    faust = run(FAUST, events=20_000, cpu_s=40)
    assert viewing.missed([upload()], [run(), faust], [growth(), growth(SCATTERED)]) == []
    slow = upload(seconds=25.0, peak_pss_bytes=151_000_000)
    fast_faust = run(FAUST, events=20_000, cpu_s=10)
    growths = [growth(kept_s=0.006), growth(SCATTERED, cold_s=0.4)]
    assert viewing.missed([slow], [run(cpu_s=50), fast_faust], growths) == [
        "40,000 lines/s, instead of 50,000",
        "151 MB for an upload, instead of 150",
        "20,000 worst-case events per CPU s, instead of 25,000",
        "10 times faust, rocksdb, instead of 50",
        "400 ms for similar items, instead of 300",
        "6.0 ms for kept similar items, instead of 5",
    ]


def test_findings_show_every_measurement() -> None:
    runs = [run(), run(cpu_s=20), run(cpu_s=80), run(FAUST, events=20_000, cpu_s=40), run(mix=ORDINARY, cpu_s=10)]
    others = [Other("pandas corrwith", 8.0, 7.0, [(1, 0.5)])]
    found = Viewing(uploads=[upload()], countings=runs, growths=[growth()], others=others, problems=["too slow"])
    page = found.as_markdown()
    assert "| 160 | 1,000,000 | 100,000 | 200,000 | 5.0 | 1.0 | 75 | 95 |" in page
    assert "| `ours` | worst case | 1,000,000 | 40,000 | 32,000 | 20,000 | 12.5 | 12.5 | 6.2 | 90 |  |  |" in page
    assert (
        "| `faust, rocksdb` | worst case | 20,000 | 500 | 400 | 250 | 20.0 | 20.0 | 10.0 | 90 | 80.0 | 80.0 |" in page
    )
    assert "| `ours`, kept | ordinary | 2.0 |  |" in page
    assert "| `pandas corrwith` | ordinary | 8,000 | 7,000 |" in page
    assert "| ordinary | 1,000,000 | 1,000 | 10,000 | 40,000 | 9,000 | 200 | 150 | 2.0 |" in page
    assert "| 2.0 | 1,000,000 | 80 | 300,000 | 40 | 120 |" in page
    assert page.endswith("- missed: too slow")
    assert isinstance(found, Findings)


@pytest.mark.parametrize(
    ("module", "packages"),
    [("views_faust", "faust"), ("views_faust_web", "faust"), ("views_pandas", "pandas")],
)
def test_each_peer_is_a_program_with_pinned_packages(module: str, packages: str) -> None:
    peers = process.PROJECT / "benchmark/peers"
    assert (peers / f"{module}.py").is_file()
    assert all("==" in pin for pin in (peers / f"{packages}.requirements.txt").read_text().splitlines())
    assert packages in viewing.PACKAGES


def test_help_has_an_example() -> None:
    assert "pipenv run bench views --" in run_command("views", "--help").stdout
