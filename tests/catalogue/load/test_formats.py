"""A record is read alike wherever it comes from: a file, a topic, a request."""

import io
import json
from typing import TYPE_CHECKING, Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.core.records import RejectedError
from metrics.catalogue.kafka_job.messages import MessageReader
from metrics.catalogue.load.formats import Records, json_records
from metrics.catalogue.web.received import JSON, JSON_LINES, Received
from metrics.wording.errors import FileError

if TYPE_CHECKING:
    from metrics.messages.interface import KafkaMessage


class Message:
    """A message of a topic, with no key."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        return self._value

    def key(self) -> None:
        return None


def outcomes(records: Records) -> list[Any]:
    """Return the row of each record, or why it is rejected, its text and its key."""
    found: list[Any] = []
    for _, record in records.received:
        try:
            found.append(records.read(record))
        except RejectedError as error:
            found.append((error.reason, error.detail, records.text_of(record)))
    return found


NUMBERS = st.sampled_from(
    ["0", "-0", "1", "5", "1.0", "1E2", "1e400", "-1e-400", "1e99999999999999999999", "9" * 400, "9" * 5_000, "0.5"]
)
STRINGS = st.text(st.sampled_from('aé😀\0"\\'), max_size=4).map(json.dumps) | st.sampled_from(
    [r'"\ud800"', r'"\udc00x"', r'"\ud800\ud800\udc00"', r'"\ud83d\ude00"', r'"\\ud800"', '"é"', r'"\/"', '"end"']
)
TIMES = st.sampled_from(["2021-12-06T19:30:19.099+0100", "2021-12-06T19:30:19.1234567Z", "2021-12-06"]).map(json.dumps)
VALUES = NUMBERS | STRINGS | TIMES | st.sampled_from(["null", "true", "[]", "{}", '[{"title": "end"}, {"title": "A"}]'])


def members(model: str) -> st.SearchStrategy[str]:
    """Return texts of objects with the members of a model's records, and with others; a name may come twice."""
    names = st.sampled_from(["note", r"\ud800", *MODELS[model].fields])
    whole = [st.tuples(st.just(name), VALUES) for name in MODELS[model].fields]
    pairs = st.tuples(*whole).flatmap(
        lambda given_: st.lists(st.tuples(names, VALUES), max_size=2).map(lambda more: [*given_, *more])
    )
    return pairs.map(lambda each: "{" + ", ".join(f'"{name}": {value}' for name, value in each) + "}")


RECORDS = st.sampled_from([*MODELS]).flatmap(
    lambda model: st.tuples(st.just(model), st.lists(members(model) | VALUES, min_size=1, max_size=4))
)
BOOK = '{"name": "E", "pages": 1, "author": "a", "publisher": "p", "note": %s}'


@given(RECORDS)
@example(("book", [BOOK % r'"\ud800"', BOOK % "1e400", BOOK % r'"\ud83d\ude00"', BOOK % ("9" * 5_000)]))
@example(("book", [BOOK.replace('"a"', r'"\ud800"') % "1", BOOK.replace("1", "1.0") % "1"]))
@example(("book", [BOOK % r'{"\ud800": 1}', BOOK.replace("note", r"\ud800") % "1"]))
@example(("stream", ['{"movie_title": "A", "user_email": "u", "size_mb": 1.5, "start_at": 1, "end_at": "\\ud800"}']))
def test_a_file_a_topic_and_a_request_take_the_same_records_with_the_same_rows(given_: tuple[str, list[str]]) -> None:
    model, texts = MODELS[given_[0]], given_[1]
    body = "[" + ",".join(texts) + "]"
    messages = [cast("KafkaMessage", Message(text.encode())) for text in texts]
    expected = outcomes(MessageReader(model, None).records(messages))
    [(_, lines)] = Received(io.BytesIO("\n".join(texts).encode()), JSON_LINES, "a").records(model, None)
    [(_, array)] = Received(io.BytesIO(body.encode()), JSON, "a").records(model, None)
    assert outcomes(lines) == outcomes(array) == expected
    file = cast("io.BufferedReader", io.BufferedReader(io.BytesIO(body.encode())))
    try:
        found = outcomes(json_records(model, "a.json", file, None))
    except FileError as error:
        assert "has records of another model" in error.what  # noqa: PT017  # of files alone, by their first record
    else:
        assert found == expected
    for row in expected:
        "".join(cell for cell in row if isinstance(cell, str)).encode()
