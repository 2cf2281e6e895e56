"""Addresses of brokers, read as the client reads them."""

import pytest

from metrics.kafka.settings import endpoints


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ("one:9093,two", [("one", 9093), ("two", 9092)]),
        (" one , ,SSL://two:1 ", [("one", 9092), ("two", 1)]),
        (":9093", [("localhost", 9093)]),
        ("[::1]:9093,[fe80::1]", [("::1", 9093), ("fe80::1", 9092)]),
        ("::1,fe80::1:9092", [("::1", 9092), ("fe80::1:9092", 9092)]),  # without brackets, there is no port
        ("PLAINTEXT://[::1]:9093/", [("::1", 9093)]),
        ("PLAINTEXT://one:9093/path", [("one", 9093)]),
    ],
)
def test_each_address_has_a_host_and_a_port(servers: str, expected: list[tuple[str, int]]) -> None:
    assert list(endpoints(servers)) == expected
