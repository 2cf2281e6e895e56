"""What the main job serves at METRICS_PORT, on a real broker: the committed state, over restarts, in outages."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from metrics.kafka import local_broker
from tests.frames.monitoring.scraping import Exposed
from tests.kafka.application import PROJECT, Application, finish, frame, wait_until

pytestmark = pytest.mark.slow

T = 1468244340  # 2016-07-11T13:39:00Z


@pytest.fixture
def exposed(application: Application) -> Exposed:
    return Exposed(application)


@contextmanager
def running(application: Application, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = application.start(*arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            finish(process)


def send(application: Application, partition: int, *after_s: int) -> None:
    """Send a frame for each of some seconds after T, with a record that was written when it happened."""
    for second in after_s:
        application.send([frame(T + second, f"user {second}")], partition, timestamp=(T + second) * 1000)


def test_metrics_show_what_is_committed(application: Application, exposed: Exposed) -> None:
    #  partition 0   @1 @20 @2 (late, its minute is open) @90 @3 (late, its minute is closed) no_json, no ts
    #  partition 1   @5 @80
    application.create_topics(2)
    with running(application):
        send(application, 0, 1, 20, 2, 90, 3)
        application.send([b"{", b"{}"], 0)
        send(application, 1, 5, 80)
        wait_until(lambda: exposed.total("frames_consumed_total") == 9, "all is read")
        wait_until(lambda: exposed.value('frames_windows_closed_total{size="minute"}') == 1, "the minute is closed")
        scraped, status = exposed.scrape(), application.status()
    for number, partition in enumerate(status["partitions"]):
        frames = partition["frames"]
        assert {
            "frames_consumed_total": frames["consumed"],
            "frames_counted_total": frames["counted"],
            "frames_late_total": frames["late"],
            "frames_late_in_minute_total": frames["late_in_minute"],
            "frames_lost_total": frames["lost"],
            "frames_held": frames["held"],
            "frames_open": frames["open"],
            "frames_position_offset": partition["position"],
            "frames_lag_records": 0,
            "frames_event_time_timestamp_seconds": partition["event_clock"]["timestamp"],
        }.items() <= {
            sample.partition("{")[0]: value for sample, value in scraped.items() if f'partition="{number}"' in sample
        }.items()
    assert (scraped['frames_consumed_total{partition="0"}'], scraped['frames_consumed_total{partition="1"}']) == (7, 2)
    assert (scraped['frames_late_total{partition="0"}'], scraped['frames_late_in_minute_total{partition="0"}']) == (
        2,
        1,
    )
    reasons = {
        sample: value for sample, value in scraped.items() if sample.startswith("frames_rejected_total") and value
    }
    assert reasons == {f'frames_rejected_total{{reason="{reason}"}}': 1 for reason in ("late", "not_json", "no_ts")}
    assert scraped['frames_windows_closed_total{size="second"}'] == status["published"]["seconds"]
    assert scraped["frames_watermark_timestamp_seconds"] == status["closed_through"]["timestamp"]
    delay_s = status["asked_at"]["timestamp"] - scraped["frames_watermark_timestamp_seconds"]
    assert scraped["frames_watermark_delay_seconds"] == pytest.approx(delay_s, abs=30)
    assert scraped["frames_last_commit_timestamp_seconds"] == pytest.approx(status["asked_at"]["timestamp"], abs=30)
    of = f'group="{application.name}",instance_id="{status["instance"]["id"]}",topic="{application.topic("frames")}"'
    assert scraped[f"frames_job_info{{{of}}}"] == 1
    assert 1 <= scraped["frames_batch_duration_seconds_count"] <= 9
    assert scraped["frames_commit_duration_seconds_count"] >= 1
    assert 0 < scraped["frames_commit_duration_seconds_sum"] < 60
    assert scraped["frames_transactions_aborted_total"] == 0
    assert scraped["process_cpu_seconds_total"] > 0


def test_three_paths_are_served_and_only_reading_is_allowed(application: Application, exposed: Exposed) -> None:
    application.create_topics()
    with running(application) as process:
        wait_until(exposed.is_ready, "it is ready")
        assert exposed.get("/healthz") == (200, "alive\n")
        assert exposed.get("/metrics", host=f"localhost:{exposed.port}").status == 200
        assert exposed.get("/metrics", host="rebound.example:80") == (
            403,
            "host rebound.example:80 not allowed: use 127.0.0.1, or set METRICS_HOST\n",
        )
        assert exposed.get("/readyz?verbose") == (200, "ready\n")
        assert exposed.get("/metrics", "HEAD") == (200, "")
        assert exposed.get("/") == (404, "no such path: /; paths are /metrics, /healthz, /readyz\n")
        assert exposed.get("/metrics", "POST") == (405, "Method Not Allowed\n")
        process.send_signal(signal.SIGTERM)
        assert f"metrics at http://127.0.0.1:{exposed.port}/metrics\n" in finish(process)
    assert exposed.get("/healthz").status == 0


def test_counters_continue_after_a_restart(application: Application, exposed: Exposed) -> None:
    application.create_topics()
    with running(application):
        send(application, 0, 1, 2, 30)
        wait_until(lambda: exposed.total("frames_consumed_total") == 3, "three frames are read")
        closed = exposed.value('frames_windows_closed_total{size="second"}')
    with running(application):
        wait_until(lambda: "frames_last_commit_timestamp_seconds" in exposed.scrape(), "it has taken over")
        assert exposed.value('frames_consumed_total{partition="0"}') == 3
        assert (exposed.value('frames_windows_closed_total{size="second"}') or 0) >= (closed or 0)
        send(application, 0, 31)
        wait_until(lambda: exposed.value('frames_consumed_total{partition="0"}') == 4, "one more is read")


RESULTS = "frames_per_second", "frames_unique_users", "frames_window_end_timestamp_seconds"


def results_of(exposed: Exposed) -> dict[str, float]:
    """Return what is exposed of the last windows."""
    return {sample: value for sample, value in exposed.scrape().items() if sample.startswith(RESULTS)}


def test_the_results_of_the_last_windows_are_exposed_once_this_process_has_closed_some(
    application: Application, exposed: Exposed
) -> None:
    #  first run    @1 @1 @1 @7: second 1 is closed   @67: minute 0 is closed, and second 7 was the last with a frame
    #  second run   @69 @70 @70 @76: second 70 is closed
    application.variables |= {"LATENESS_S": "5", "IDLE_S": "3600"}
    application.create_topics()
    frames, users, end = RESULTS

    def results() -> dict[str, float]:
        return results_of(exposed)

    with running(application):
        wait_until(lambda: "frames_last_commit_timestamp_seconds" in exposed.scrape(), "it has taken over")
        assert results() == {}
        send(application, 0, 1, 1, 1, 7)
        wait_until(lambda: results() != {}, "the second is closed")
        assert results() == {f'{frames}{{size="second"}}': 3, f'{end}{{size="second"}}': T + 2}
        send(application, 0, 67)
        wait_until(lambda: f'{users}{{size="minute"}}' in results(), "the minute is closed")
        assert results() == {
            f'{frames}{{size="second"}}': 1,
            f'{users}{{size="minute"}}': 2,
            f'{end}{{size="second"}}': T + 8,
            f'{end}{{size="minute"}}': T + 60,
        }
    assert [record["num_of_frames"] for record in application.records("seconds")][-1:] == [1]
    assert [record["unique_users"] for record in application.records("minutes")] == [2]
    with running(application):
        wait_until(lambda: "frames_last_commit_timestamp_seconds" in exposed.scrape(), "it has taken over")
        assert results() == {f'{end}{{size="second"}}': T + 8, f'{end}{{size="minute"}}': T + 60}
        send(application, 0, 69, 70, 70, 76)
        wait_until(lambda: f'{frames}{{size="second"}}' in results(), "a second is closed")
        wait_until(lambda: results()[f'{end}{{size="second"}}'] == T + 71, "all that can be are closed")
        assert results() == {
            f'{frames}{{size="second"}}': 2,
            f'{end}{{size="second"}}': T + 71,
            f'{end}{{size="minute"}}': T + 60,
        }


def test_an_instance_that_is_active_again_does_not_expose_the_result_that_was_its_last(
    application: Application, exposed: Exposed
) -> None:
    #  this one   @1 @7: second 1 is closed   the other   @13: second 7 is closed   this one again
    application.variables |= {"LATENESS_S": "5", "IDLE_S": "3600"}
    application.create_topics()
    other = Application(application.bootstrap_servers, application.variables.copy(), name=application.name)
    of_other, end = Exposed(other), 'frames_window_end_timestamp_seconds{size="second"}'
    with running(application, "--standby"):
        wait_until(exposed.is_ready, "it has taken over")
        send(application, 0, 1, 7)
        wait_until(lambda: results_of(exposed) == {'frames_per_second{size="second"}': 1, end: T + 2}, "1 is closed")
        with running(other, "--take-over"):
            send(application, 0, 13)
            wait_until(lambda: of_other.value(end) == T + 8, "the other has closed second 7")
            wait_until(lambda: results_of(exposed) == {}, "this one is a standby")
        wait_until(exposed.is_ready, "this one has taken over again")
        assert results_of(exposed) == {end: T + 8}


def test_the_lag_is_that_of_the_partition_that_waits_for_another(application: Application, exposed: Exposed) -> None:
    """Partition 1 is so far ahead in event time that it is held back; nothing moves until partition 0 does."""
    application.variables |= {"ALIGN_S": "10", "IDLE_S": "60"}
    application.create_topics(2)
    send(application, 0, 1)
    application.send((frame(T + second, "a") for second in range(1, 3_001)), 1, timestamp=T * 1000)
    with running(application):
        wait_until(lambda: (exposed.value('frames_lag_records{partition="1"}') or 0) > 0, "partition 1 has lag")
        status = application.status()
        assert exposed.value('frames_lag_records{partition="0"}') == 0
        assert exposed.value('frames_lag_records{partition="1"}') == status["partitions"][1]["lag"] > 1_000
        send(application, 0, 3_000)
        wait_until(lambda: exposed.total("frames_lag_records") == 0, "it has caught up")


def test_a_frozen_broker_is_reported_and_so_is_its_return(tmp_path: Path) -> None:
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address, {"BROKER_TIMEOUT_S": "20"})
        exposed = Exposed(application)
        application.create_topics()
        java = [child for child in psutil.Process().children(recursive=True) if child.name() == "java"]
        with running(application):
            wait_until(exposed.is_ready, "it is ready")
            send(application, 0, 1)
            wait_until(lambda: exposed.total("frames_consumed_total") == 1, "the frame is read")
            for broker in java:
                broker.suspend()
            try:
                wait_until(lambda: not exposed.is_ready(), "it is not ready")
                status, text = exposed.get("/readyz")
                assert status == 503
                assert text.startswith("not ready: no commit for ")
                assert exposed.get("/healthz").status == 200
                assert exposed.value("frames_ready") == 0
                assert exposed.total("frames_consumed_total") == 1
                wait_until(lambda: exposed.value("frames_transactions_aborted_total") == 1, "the transaction is lost")
                assert "none of it was committed" in exposed.get("/readyz").text
            finally:
                for broker in java:
                    broker.resume()
            wait_until(exposed.is_ready, "it is ready again")
            assert exposed.value("frames_ready") == 1


def test_a_stuck_loop_is_not_healthy(application: Application, exposed: Exposed) -> None:
    """Its lines go into a pipe that nobody reads: the loop waits there for ever, and the process is alive."""
    application.variables["BROKER_TIMEOUT_S"] = "2"
    application.create_topics()
    process = application.start("--verbose")
    wait_until(exposed.is_ready, "it is ready")
    assert exposed.get("/healthz").status == 200
    application.send(frame(T + second, "a") for second in range(5_000))
    wait_until(lambda: exposed.get("/healthz").status == 503, "it is seen to stand still")
    assert exposed.get("/healthz").text.startswith("the loop is stuck: it has not turned for 15 s")
    assert exposed.get("/metrics").status == 200
    assert process.poll() is None
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)

    def turns_again() -> bool:
        with suppress(BlockingIOError):  # the pipe is empty
            while os.read(pipe, 65_536):
                pass
        return exposed.get("/healthz").status == 200

    wait_until(turns_again, "it turns again")


def test_connections_without_a_request_lock_nobody_out(application: Application, exposed: Exposed) -> None:
    application.create_topics()
    with running(application) as process, ExitStack() as open_ones:
        wait_until(exposed.is_ready, "it is ready")
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (200, 200))
        before = most = psutil.Process(process.pid).num_fds()
        for number in range(300):
            one = open_ones.enter_context(socket.create_connection(("127.0.0.1", exposed.port)))
            one.sendall(b"GET /metrics HTTP/1.1\r\n" if number % 2 else b"")
            most = max(most, psutil.Process(process.pid).num_fds())
        assert most - before < 48, "more than 32, and those that are about to be closed"
        assert exposed.get("/readyz").status == 200
        send(application, 0, 1)
        wait_until(lambda: exposed.total("frames_consumed_total") == 1, "the frame is read")


def test_a_standby_says_so_and_leaves_the_counters_to_the_active_instance(
    application: Application, exposed: Exposed
) -> None:
    application.create_topics()
    other = Application(application.bootstrap_servers, name=application.name)
    standby = Exposed(other)
    with running(application) as active:
        send(application, 0, 1)
        wait_until(lambda: exposed.total("frames_consumed_total") == 1, "the frame is read")
        with running(other, "--standby"):
            wait_until(lambda: "standby" in standby.get("/readyz").text, "the other is a standby")
            status, text = standby.get("/readyz")
            assert status == 503
            assert f"standby: instance {application.status()['instance']['id']} " in text
            assert standby.value("frames_ready") == 0
            assert not any(sample.startswith("frames_consumed") for sample in standby.scrape())
            active.send_signal(signal.SIGINT)
            finish(active)
            wait_until(standby.is_ready, "the other has taken over")
            assert standby.total("frames_consumed_total") == 1
            with running(application, "--take-over"):
                wait_until(exposed.is_ready, "the first one has taken over again")
                wait_until(lambda: "standby" in standby.get("/readyz").text, "the other is a standby again")
                assert "frames_consumed_total" not in standby.get("/metrics").text
                assert exposed.total("frames_consumed_total") == 1


def test_a_port_in_use_is_an_error_before_anything_is_taken_over(application: Application, exposed: Exposed) -> None:
    application.create_topics()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", exposed.port))
        taken.listen()
        output = application.run(exit_code=2)
    assert f"error: METRICS_PORT={exposed.port}: cannot bind to 127.0.0.1:{exposed.port}" in output
    assert "why: Address already in use" in output
    assert application.saved_state() is None


def test_without_a_port_no_metrics_library_is_imported() -> None:
    look = "import sys, metrics.frames.commands.counting; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", look], cwd=PROJECT, check=True, timeout=60)
