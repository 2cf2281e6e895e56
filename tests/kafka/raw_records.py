"""Records as no client writes them, written by Kafka's own protocol: names of headers are bytes there, any bytes.

https://kafka.apache.org/protocol.html (Produce, version 7), https://kafka.apache.org/documentation/#recordbatch
"""

import socket
import struct
from collections.abc import Sequence

_TIMEOUT_S = 30.0
_PRODUCE, _VERSION = 0, 7
_CASTAGNOLI = 0x82F63B78

RawHeaders = Sequence[tuple[bytes, bytes | None]]


def send(
    bootstrap_servers: str, topic: str, value: bytes, headers: RawHeaders, partition: int = 0, timestamp_ms: int = 0
) -> None:
    """Write one record; the broker at the address must be the leader of the partition."""
    batch = _batch(value, headers, timestamp_ms)
    body = struct.pack(">hhi", -1, -1, 30_000)  # no transaction; acknowledged by all replicas
    body += struct.pack(">i", 1) + _text(topic) + struct.pack(">iii", 1, partition, len(batch)) + batch
    request = struct.pack(">hhi", _PRODUCE, _VERSION, 1) + _text("raw") + body
    host, port = bootstrap_servers.rsplit(":", 1)
    with socket.create_connection((host, int(port)), _TIMEOUT_S) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.makefile("rb")
        (size,) = struct.unpack(">i", answer.read(4))
        told = answer.read(size)
    (error,) = struct.unpack_from(">h", told, 4 + 4 + 2 + len(topic.encode()) + 4 + 4)
    assert error == 0, f"the broker refused it with error {error}"


def _batch(value: bytes, headers: RawHeaders, timestamp_ms: int) -> bytes:
    record = b"\0" + _varint(0) + _varint(0) + _varint(-1) + _bytes(value) + _varint(len(headers))
    record += b"".join(_bytes(name) + _bytes(header) for name, header in headers)
    checked = struct.pack(">hiqqqhii", 0, 0, timestamp_ms, timestamp_ms, -1, -1, -1, 1) + _varint(len(record)) + record
    after_length = struct.pack(">ibI", -1, 2, _crc32c(checked)) + checked
    return struct.pack(">qi", 0, len(after_length)) + after_length


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


def _bytes(value: bytes | None) -> bytes:
    return _varint(-1) if value is None else _varint(len(value)) + value


def _varint(number: int) -> bytes:
    """Write a number in zigzag, seven bits a byte."""
    left, written = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        written.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*written, left])


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
