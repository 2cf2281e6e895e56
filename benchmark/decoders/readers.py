"""The decoders that are measured: each as a program would call it that wants ts and uid, as objects of Python.

This module needs the packages of `decoders.requirements.txt`, which the project's environment does not have all.
"""

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import fastavro
import fastsimdjson
import msgspec
import orjson
import pyarrow
import pyarrow.json
import simdjson
import yyjson

from benchmark.decoders.avro import AVRO_BESIDE_JSON, AVRO_GENERIC, BESIDE_JSON, GENERIC, TWO_FIELDS
from benchmark.decoders.decoder import Decoder, Fields
from benchmark.decoders.findings import OURS
from benchmark.decoders.formats import JSON, MESSAGEPACK, PREFIX, PREFIXED
from metrics.frames.core.frame import Frame, read_frame

BATCH = 1_000  # as many as the loop takes at once


def _pair(answer: Fields) -> list[Fields]:
    return [answer]


def _struct(frame: Frame) -> list[Fields]:
    return [(frame.ts, frame.uid)]


def _ours(answer: object) -> list[Fields]:
    if not isinstance(answer, Frame):
        raise TypeError(answer)
    return _struct(answer)


def _whole(loads: Callable[[bytes], Any]) -> Callable[[bytes], Fields]:
    """Return what decodes a whole document, and takes two members of it."""

    def read(value: bytes) -> Fields:
        root = loads(value)
        return root["ts"], root["uid"]

    return read


_decode = msgspec.json.Decoder(Frame).decode


def _checked(value: bytes) -> Frame:
    value.decode()
    return _decode(value)


def _yyjson(value: bytes) -> Fields:
    document = yyjson.Document(value)
    return document.get_pointer("/ts"), document.get_pointer("/uid")


def _yyjson_whole(value: bytes) -> Any:
    return yyjson.Document(value).as_obj


def _fastsimdjson_lines(values: Sequence[bytes]) -> list[Fields]:
    return list(fastsimdjson.loads_many(b"\n".join(values), format="lines", fields=["/ts", "/uid"]))


_COLUMNS = pyarrow.schema([("ts", pyarrow.int64()), ("uid", pyarrow.string())])
_ONE_THREAD = pyarrow.json.ReadOptions(use_threads=False)
_TWO_COLUMNS = pyarrow.json.ParseOptions(explicit_schema=_COLUMNS, unexpected_field_behavior="ignore")


def _pyarrow_lines(values: Sequence[bytes]) -> list[Fields]:
    lines = pyarrow.BufferReader(b"\n".join(values))
    table = pyarrow.json.read_json(lines, read_options=_ONE_THREAD, parse_options=_TWO_COLUMNS)
    return list(zip(table["ts"].to_pylist(), table["uid"].to_pylist(), strict=True))


def _prefix(value: bytes) -> Fields:
    ts, size = PREFIX.unpack_from(value)
    return ts, value[PREFIX.size : PREFIX.size + size].decode()


def _avro(writer: Any, reader: Any = None) -> Callable[[bytes], Fields]:
    """Return what reads a record that has been written by one schema, as far as another one asks for it."""

    def read(value: bytes) -> Fields:
        record: Any = fastavro.schemaless_reader(BytesIO(value), writer, reader)
        return record["ts"], record["uid"]

    return read


DECODERS = (
    Decoder(OURS, JSON, read_frame, _ours),
    Decoder("pysimdjson, two fields", JSON, _whole(simdjson.Parser().parse), _pair),
    Decoder("pysimdjson, no field read", JSON, simdjson.Parser().parse, None),
    Decoder("msgspec, struct of two fields", JSON, _decode, _struct),
    Decoder("msgspec, UTF-8 checked before", JSON, _checked, _struct),
    Decoder("fastsimdjson, two fields", JSON, _whole(fastsimdjson.parse), _pair),
    Decoder(f"fastsimdjson, {BATCH:,} lines", JSON, _fastsimdjson_lines, list, BATCH),
    Decoder("yyjson, two fields", JSON, _yyjson, _pair),
    Decoder("yyjson, whole document", JSON, _whole(_yyjson_whole), _pair),
    Decoder("orjson, whole document", JSON, _whole(orjson.loads), _pair),
    Decoder("json of Python, whole document", JSON, _whole(json.loads), _pair),
    Decoder(f"pyarrow, {BATCH:,} lines", JSON, _pyarrow_lines, list, BATCH),
    Decoder("struct, two fields", PREFIXED, _prefix, _pair),
    Decoder("msgspec, struct of two fields", MESSAGEPACK, msgspec.msgpack.Decoder(Frame).decode, _struct),
    Decoder("msgspec, whole document", MESSAGEPACK, _whole(msgspec.msgpack.Decoder().decode), _pair),
    Decoder("fastavro, whole record", AVRO_BESIDE_JSON, _avro(BESIDE_JSON), _pair),
    Decoder("fastavro, two fields", AVRO_GENERIC, _avro(GENERIC, TWO_FIELDS), _pair),
    Decoder("fastavro, whole record", AVRO_GENERIC, _avro(GENERIC), _pair),
)
