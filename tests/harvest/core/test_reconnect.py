import time

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.harvest.core.reconnect import (
    Final,
    Listen,
    Retry,
    delay_s,
    judge_proxy,
    judge_response,
    last_event_id_header,
    retry_after,
    shown,
)

NOW_S = 784111777.0
"""Sun, 06 Nov 1994 08:49:37 GMT, the moment of all examples of RFC 9110."""


@pytest.mark.parametrize(
    "content_type",
    [
        "text/event-stream",
        "text/event-stream;charset=UTF-8",
        "text/event-stream; charset=utf-8",
        "Text/Event-Stream ;Charset=latin1",
        " text/event-stream\t",
        "text/event-stream;",
        "text/html, text/event-stream",
        'text/event-stream; a="b,c"',
    ],
)
def test_an_event_stream_is_listened_to_whatever_its_parameters_and_case(content_type: str) -> None:
    assert judge_response(200, content_type) == Listen()


@pytest.mark.parametrize(
    ("content_type", "named"),
    [
        ("text/html; charset=utf-8", "text/html"),
        ("application/json", "application/json"),
        ("text/event-streams", "text/event-streams"),
        ("x-text/event-stream", "x-text/event-stream"),
        ("text/event-stream, text/html", "text/html"),
        ("text/plain; a=text/event-stream", "text/plain"),
        ("text/event stream", "no readable content type"),
        ("téxt/html", "no readable content type"),
        ("text/\x1b[31m", "no readable content type"),
        ("text/event-stream\u00a0", "no readable content type"),
        ("", "no readable content type"),
        (None, "no readable content type"),
    ],
)
def test_a_200_that_is_no_event_stream_is_final_and_says_what_it_is(content_type: str | None, named: str) -> None:
    assert judge_response(200, content_type) == Final(f"answers with {named} instead of text/event-stream")


def test_every_status_has_its_verdict() -> None:
    retried = {408, 429, *range(500, 600)}
    for status in range(1000):
        match judge_response(status, "text/event-stream"):
            case Listen():
                assert status == 200
            case Retry(why):
                assert status in retried
                assert str(status) in why
            case Final(why):
                assert status != 200
                assert status not in retried
                assert str(status) in why


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (101, Final("answers with status 101")),
        (201, Final("answers with status 201")),
        (204, Final("has ended its stream (204)")),
        (302, Final("redirects to another address, which must not get the password (302)")),
        (304, Final("answers with status 304")),
        (401, Final("refuses the user or the password (401)")),
        (403, Final("forbids access to its stream (403)")),
        (404, Final("does not exist at this address (404)")),
        (407, Final("cannot be reached: the proxy requires a user (407)")),
        (410, Final("answers with status 410")),
        (429, Retry("limits the rate of requests (429)")),
        (503, Retry("is unavailable (503)")),
        (599, Retry("answers with status 599")),
        (999, Final("answers with status 999")),
    ],
)
def test_a_verdict_has_its_reason(status: int, expected: Retry | Final) -> None:
    assert judge_response(status, "text/event-stream") == expected


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("0007", 7.0),
        ("Sun, 06 Nov 1994 08:49:57 GMT", 20.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:49:38 1994", 1.0),
        ("Sun, 06 Nov 1994 09:49:37 +0100", 0.0),
        ("Sat, 05 Nov 1994 08:49:37 GMT", 0.0),  # the past
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1_0", None),
        ("0x10", None),
        ("٣", None),
        ("inf", None),
        ("soon", None),
        ("Sun, 31 Feb 1995 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 +9999999", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date_and_else_ignored(header: str, seconds: float | None) -> None:
    assert retry_after(header, NOW_S) == seconds


def test_a_date_without_a_zone_is_utc_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    seconds = retry_after("Sun Nov  6 08:49:38 1994", NOW_S)
    monkeypatch.undo()
    time.tzset()
    assert seconds == 1.0


@given(
    st.text()
    | st.from_regex(r"(Sun, )?[0-9]{1,5}[ -](Nov|Feb|x)[ -][0-9]{1,5} [0-9:.]{1,9} ?[-+A-Z0-9]{0,9}", fullmatch=True)
)
def test_no_retry_after_raises_or_is_negative_or_infinite(header: str) -> None:
    seconds = retry_after(header, NOW_S)
    assert seconds is None or 0 <= seconds < float("inf")


def test_retry_after_of_400_digits_outlasts_every_run() -> None:
    assert retry_after("9" * 400, NOW_S) == 10.0**15 - 1


def test_the_backoff_doubles_from_a_tenth_of_a_second_to_two_seconds() -> None:
    def backoffs(random: float, *failures: int) -> list[float]:
        return [delay_s(number, None, None, random, elapsed_s=9) for number in failures]

    assert backoffs(0.0, *range(8)) == [0.05, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert backoffs(0.5, 1, 2, 6) == pytest.approx([0.075, 0.15, 1.5])
    assert 1.99 < delay_s(10**9, None, None, 0.999) < 2


@pytest.mark.parametrize(
    ("failures", "retry_ms", "retry_after_s", "expected"),
    [
        (0, 250, None, 0.25),  # the server's own time
        (0, 0, None, 0.0),  # a connection with frames ended: at once, as asked
        (0, 250, 3.0, 3.0),  # what this answer says is newer than `retry`
        (0, 250, 0.0, 0.0),
        (1, 250, None, 0.25),
        (1, 0, None, 0.05),
        (3, 0, None, 0.2),  # requests that bring nothing: no busy loop
        (9, 0, 0.0, 1.0),
        (9, 5_000, None, 5.0),
        (9, 10**15 - 1, None, 10.0**12 - 0.001),
        (2, None, 7.0, 7.0),
    ],
)
def test_a_server_that_says_when_is_asked_then(
    failures: int, retry_ms: int | None, retry_after_s: float | None, expected: float
) -> None:
    assert delay_s(failures, retry_ms, retry_after_s, 0.0, elapsed_s=9) == expected


@pytest.mark.parametrize(
    ("retry_ms", "elapsed_s", "expected"), [(0, 0, 0.1), (0, 0.03, 0.07), (0, 0.1, 0), (0, 5, 0), (80, 0.03, 0.08)]
)
def test_a_request_follows_the_one_before_after_a_tenth_of_a_second_at_the_soonest(
    retry_ms: int, elapsed_s: float, expected: float
) -> None:
    assert delay_s(0, retry_ms, None, 0.0, elapsed_s=elapsed_s) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (407, Final("cannot be reached: the proxy requires a user (407)")),
        (403, Final("cannot be reached: the proxy refuses (403)")),
        (302, Final("cannot be reached: the proxy refuses (302)")),
        (429, Retry("cannot be reached: the proxy refuses (429)")),
        (502, Retry("cannot be reached: the proxy refuses (502)")),
    ],
)
def test_a_proxy_that_does_not_connect_is_judged_by_its_status(status: int, expected: Retry | Final) -> None:
    assert judge_proxy(status) == expected


@pytest.mark.parametrize("encoding", ["gzip", "Deflate", "br", "gzip, identity", "x"])
def test_a_compressed_stream_is_final(encoding: str) -> None:
    why = f"is compressed by {encoding.lower()}, which was not requested"
    assert judge_response(200, "text/event-stream", encoding) == Final(why)
    assert judge_response(503, None, encoding) == Retry("is unavailable (503)")


def test_a_reason_shows_little_of_a_server_s_text_and_nothing_that_a_terminal_obeys() -> None:
    for judged in (judge_response(200, f"text/{'x' * 9_000}"), judge_response(200, "text/event-stream", "z" * 9_000)):
        assert isinstance(judged, Final)
        assert 200 < len(judged.why) < 300
        assert "…" in judged.why
    assert shown("a\x1b[31m\nb") == r"a\x1b[31m\nb"
    assert (shown("x" * 200), shown("x" * 201)) == ("x" * 200, "x" * 199 + "…")


@pytest.mark.parametrize("encoding", ["", "identity", " Identity\t"])
def test_bytes_as_they_are_were_asked_for(encoding: str) -> None:
    assert judge_response(200, "text/event-stream", encoding) == Listen()


@pytest.mark.parametrize("last_id", [b"90e642d9-9bfe", b"a/b", b"7", b"a b\tc", "é\u2028😀".encode(), b"x" * 4096])
def test_an_id_is_sent_as_its_utf8(last_id: bytes) -> None:
    assert last_event_id_header(last_id) == last_id


def test_an_id_that_is_no_utf8_is_sent_as_the_standard_decodes_it() -> None:
    assert last_event_id_header(b"a\xff\xe2\x80b") == "a\ufffd\ufffdb".encode()


@pytest.mark.parametrize(
    "last_id", [b"", b" a", b"a ", b"\ta", b"a\x01b", b"a\x7fb", b"a\vb", b"a\x1b[0m", b" ", b"x" * 4097]
)
def test_an_id_that_no_header_can_carry_is_not_sent(last_id: bytes) -> None:
    assert last_event_id_header(last_id) is None


@given(st.binary(max_size=20) | st.text().map(str.encode))
def test_what_is_sent_arrives_as_it_was_sent(last_id: bytes) -> None:
    value = last_event_id_header(last_id)
    if value is None:
        return
    client, server = h11.Connection(h11.CLIENT), h11.Connection(h11.SERVER)
    headers = [(b"Host", b"localhost"), (b"Last-Event-ID", value)]
    server.receive_data(client.send(h11.Request(method="GET", target="/", headers=headers)) or b"")
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert dict(request.headers)[b"last-event-id"] == value
