"""Frames that are invalid, of every kind that the application distinguishes, each with the reason."""

from collections.abc import Iterator

# %d is the second, so that each of them could be counted by a reader who takes it for a frame.
INVALID: dict[str, tuple[bytes | None, str]] = {
    "no value": (None, "empty"),
    "no bytes": (b"", "empty"),
    "white space": (b" \t\r\n", "empty"),
    "byte order mark alone": (b"\xef\xbb\xbf", "empty"),
    "no JSON": (b"ts=%d", "not_json"),
    "cut off": (b'{"ts":%d,"uid":"a"', "not_json"),
    "cut off in a string": (b'{"ts":%d,"uid":"a', "not_json"),
    "text behind the root": (b'{"ts":%d,"uid":"a"}x', "not_json"),
    "brace behind the root": (b'{"ts":%d,"uid":"a"}}', "not_json"),
    "comma behind the root": (b'{"ts":%d,"uid":"a"},', "not_json"),
    "two roots": (b'{"ts":%d,"uid":"a"}{"ts":1,"uid":"b"}', "not_json"),
    "two roots and a comma": (b'{"ts":%d,"uid":"a"},{"ts":1,"uid":"b"}', "not_json"),
    "NUL behind the root": (b'{"ts":%d,"uid":"a"}\0', "not_json"),
    "two byte order marks": (b'\xef\xbb\xbf\xef\xbb\xbf{"ts":%d,"uid":"a"}', "not_json"),
    "no UTF-8": (b'{"ts":%d,"uid":"a","x":"\xff"}', "not_json"),
    "no UTF-8 in the uid": (b'{"ts":%d,"uid":"\xc0\xaf"}', "not_json"),
    "surrogate in UTF-8": (b'{"ts":%d,"uid":"a","x":"\xed\xa0\x80"}', "not_json"),
    "NaN": (b'{"ts":%d,"uid":"a","x":NaN}', "not_json"),
    "control character": (b'{"ts":%d,"uid":"a","x":"\x01"}', "not_json"),
    "unknown escape": (rb'{"ts":%d,"uid":"a","x":"\x41"}', "not_json"),
    "comment": (b'{"ts":%d,"uid":"a",/**/"x":1}', "not_json"),
    "single quotes": (b'{"ts":%d,"uid":"a",\'x\':1}', "not_json"),
    "trailing comma": (b'{"ts":%d,"uid":"a",}', "not_json"),
    "leading zero": (b'{"ts":0%d,"uid":"a"}', "not_json"),
    "array": (b'[{"ts":%d,"uid":"a"}]', "not_an_object"),
    "text": (b'"%d"', "not_an_object"),
    "number": (b" %d ", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "no ts": (b'{"uid":"a","in":{"ts":%d}}', "no_ts"),
    "no members": (b"{}", "no_ts"),
    "ts is a word": (b'{"ts":"s%d","uid":"a"}', "wrong_ts"),
    "ts is an empty text": (b'{"ts":"","uid":"a","x":%d}', "wrong_ts"),
    "ts has a blank": (b'{"ts":" %d","uid":"a"}', "wrong_ts"),
    "ts has a sign": (b'{"ts":"+%d","uid":"a"}', "wrong_ts"),
    "ts has Arabic digits": ('{"ts":"\u0661","uid":"a"}'.encode(), "wrong_ts"),
    "ts is null": (b'{"ts":null,"uid":"a","x":%d}', "wrong_ts"),
    "ts is true": (b'{"ts":true,"uid":"a","x":%d}', "wrong_ts"),
    "ts ends with a point": (b'{"ts":"%d.","uid":"a"}', "wrong_ts"),
    "ts has two fractions": (b'{"ts":"%d.0.0","uid":"a"}', "wrong_ts"),
    "ts is infinite, as text": (b'{"ts":"Infinity","uid":"a","x":%d}', "wrong_ts"),
    "ts is an array": (b'{"ts":[%d],"uid":"a"}', "wrong_ts"),
    "ts is an object": (b'{"ts":{"ts":%d},"uid":"a"}', "wrong_ts"),
    "ts is negative": (b'{"ts":-%d,"uid":"a"}', "ts_out_of_range"),
    "ts is a negative fraction": (b'{"ts":-0.5,"uid":"a","x":%d}', "ts_out_of_range"),
    "ts has a large exponent": (b'{"ts":"%de300","uid":"a"}', "ts_out_of_range"),
    "ts is after 9999": (b'{"ts":253402300800,"uid":"a","x":%d}', "ts_out_of_range"),
    "ts in milliseconds": (b'{"ts":%d000,"uid":"a"}', "ts_out_of_range"),
    "ts in microseconds": (b'{"ts":"%d000000","uid":"a"}', "ts_out_of_range"),
    "ts in nanoseconds": (b'{"ts":%d000000000,"uid":"a"}', "ts_out_of_range"),
    "ts of hundred digits": (b'{"ts":"%d' + b"9" * 100 + b'","uid":"a"}', "ts_out_of_range"),
    "no uid": (b'{"ts":%d}', "no_uid"),
    "uid is a number": (b'{"ts":%d,"uid":7}', "wrong_uid"),
    "uid is null": (b'{"ts":%d,"uid":null}', "wrong_uid"),
    "uid is true": (b'{"ts":%d,"uid":true}', "wrong_uid"),
    "uid is an array": (b'{"ts":%d,"uid":["a"]}', "wrong_uid"),
    "uid is a large object": (b'{"ts":%d,"uid":{"a":"' + b"x" * 100 + b'"}}', "wrong_uid"),
    "uid is empty": (b'{"ts":%d,"uid":""}', "empty_uid"),
}

# Frames that a careless reader would reject.
VALID: dict[str, bytes] = {
    "plain": b'{"ts":%d,"uid":"a"}',
    "other order": b'{"uid":"a","ts":%d}',
    "ts in quotes": b'{"ts":"%d","uid":"a"}',
    "leading zeros in quotes": b'{"ts":"000%d","uid":"a"}',
    "ts with a fraction": b'{"ts":%d.75,"uid":"a"}',
    "ts with a fraction in quotes": b'{"uid":"a","ts":"%d.999999"}',
    "ts with an exponent": b'{"ts":%de0,"uid":"a"}',
    "byte order mark": b'\xef\xbb\xbf {"ts":%d,"uid":"a"}\r\n',
    "white space": b'\t{ "ts" :\r\n%d , "uid" : "a" } ',
    "others of the names inside": b'{"in":{"ts":true,"uid":[1]},"uid":"a","ts":%d,"at":[{"ts":"x","uid":{}}]}',
    "uid like null": b'{"ts":%d,"uid":"null"}',
    "uid with a quote": b'{"ts":%d,"uid":"\\"},{\\""}',
    "uid with a backslash": b'{"ts":%d,"uid":"\\\\"}',
    "uid with an emoji": '{"ts":%d,"uid":"\U0001f600"}'.encode(),
    "uid with an escaped emoji": b'{"ts":%d,"uid":"\\ud83d\\ude00"}',
    "uid with a replacement character": '{"ts":%d,"uid":"\ufffd"}'.encode(),
    "uid with NUL": b'{"ts":%d,"uid":"\\u0000"}',
    "large number": b'{"ts":%d,"uid":"a","x":-1.5E+9999}',
    "half of a surrogate pair elsewhere": b'{"ts":%d,"uid":"a","x":"\\ud800"}',
    "escaped names": rb'{"\u0074s":%d,"\u0075id":"a"}',
}


def at(value: bytes | None, second: int) -> bytes | None:
    """Return a frame, or what is none, with its second."""
    return None if value is None else value.replace(b"%d", b"%d" % second)


def mixed(start: int, seconds: int) -> Iterator[tuple[str, bytes | None]]:
    """Yield a valid frame for each second, and after it one invalid frame, each with its kind, in turn."""
    invalid, valid = [*INVALID.items()], [*VALID.items()]
    for nth in range(seconds):
        kind, frame = valid[nth % len(valid)]
        yield kind, at(frame, start + nth)
        kind, (value, _) = invalid[nth % len(invalid)]
        yield kind, at(value, start + nth)
