"""A frame in Avro, in two ways.

Avro wants a schema, and frames have none: any names, of any types, nested and repeated. So a record has ts and uid as
fields of their own, and all else either as bytes that Avro does not look into, or as a type that can hold any JSON.
"""

from io import BytesIO
from typing import Any

import fastavro

from benchmark.decoders.decoder import Format
from benchmark.decoders.formats import Members, root_of


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TS: dict[str, Any] = {"name": "ts", "type": "long"}
_UID: dict[str, Any] = {"name": "uid", "type": "string"}

_VALUES = ["null", "boolean", "long", "double", "string"]
_OBJECT = {"type": "record", "name": "Object", "fields": [{"name": "members", "type": _array("Member")}]}
_LIST = {"type": "record", "name": "List", "fields": [{"name": "items", "type": _array([*_VALUES, "Object", "List"])}]}
_MEMBER = {
    "type": "record",
    "name": "Member",
    "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": [*_VALUES, _OBJECT, _LIST]}],
}
_PRIMITIVES = {type(None): "null", bool: "boolean", int: "long", float: "double", str: "string"}


def _schema(*fields: dict[str, Any]) -> Any:
    return fastavro.parse_schema({"type": "record", "name": "Frame", "fields": list(fields)})


TWO_FIELDS = _schema(_TS, _UID)
BESIDE_JSON = _schema(_TS, _UID, {"name": "frame", "type": "bytes"})
GENERIC = _schema(_TS, _UID, {"name": "rest", "type": _array(_MEMBER)})


def _beside_json(frame: bytes) -> bytes:
    ts, uid, _ = root_of(frame)
    return _written(BESIDE_JSON, {"ts": ts, "uid": uid, "frame": frame})


def _generic(frame: bytes) -> bytes:
    ts, uid, others = root_of(frame)
    return _written(GENERIC, {"ts": ts, "uid": uid, "rest": _members(others)})


def _members(members: Members) -> list[dict[str, Any]]:
    return [{"name": name, "value": _tagged(value)} for name, value in members]


def _tagged(value: Any) -> tuple[str, Any]:
    """Return a value with the name of its type in the union, as fastavro takes it."""
    if isinstance(value, Members):
        return "Object", {"members": _members(value)}
    if isinstance(value, list):
        return "List", {"items": [_tagged(item) for item in value]}
    return _PRIMITIVES[type(value)], value


def _written(schema: Any, record: dict[str, Any]) -> bytes:
    file = BytesIO()
    fastavro.schemaless_writer(file, schema, record)
    return file.getvalue()


AVRO_BESIDE_JSON = Format(
    "Avro around JSON",
    "a record {ts: long, uid: string, frame: bytes}; the bytes are the frame's JSON as it is, which nothing looks "
    "into, so ts and uid are in it twice",
    _beside_json,
)
AVRO_GENERIC = Format(
    "Avro throughout",
    "a record {ts: long, uid: string, rest: array of Member}; a Member is {name: string, value: null, boolean, long, "
    "double, string, Object or List}, an Object an array of Members, a List one of such values; Avro's own maps hold "
    "no equal names",
    _generic,
)
