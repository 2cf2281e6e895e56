"""Messages as the streams send them, with what a test changes."""

import json
from typing import Any

from hypothesis import strategies as st

from metrics.harvest.core.event import Event, Position
from metrics.harvest.core.frames import Frame
from metrics.harvest.core.reading import read_event

SHOW = {
    "show_id": "s3",
    "cast": "Grace Kelly, James Stewart",
    "country": "France, Spain",
    "director": "Ann Hui",
    "date_added": "May 26, 2021",
    "description": "A photographer watches his neighbours.",
    "duration": "1 Season",
    "listed_in": "Crime TV Shows",
    "rating": "TV-Y7",
    "release_year": 2021,
    "title": "Windows",
    "type": "TV Show",
    "platform": "Sytflix",
}
USER = {
    "id": 4,
    "date_of_birth": "27/02/1968",
    "email": "ardys@example.com",
    "first_name": "Ardys",
    "gender": "Female",
    "ip_address": "192.0.2.19",
    "country": "CZ",
    "last_name": "Hill",
}
MESSAGE = {"show": SHOW, "event_date": "19-05-2023 14:58:26.624", "user": USER}
POSITION = Position("sytflix", 1, 17)
RECEIVED_US = 1_684_501_107_000_001  # 2023-05-19T12:58:27.000001Z


def message(show: Any = (), user: Any = (), **members: Any) -> bytes:
    """Return a message as JSON; objects that are given change members of the usual ones, other values replace them."""
    objects = {"show": (SHOW, show), "user": (USER, user)}
    changed = {
        name: usual | dict(new) if isinstance(new, dict | tuple) else new for name, (usual, new) in objects.items()
    }
    return json.dumps(MESSAGE | changed | members).encode()


def without(member: str, part: str | None = None) -> bytes:
    """Return a message as JSON without a member, of one of its objects if that is named."""
    whole: dict[str, Any] = json.loads(message())
    del (whole[part] if part else whole)[member]
    return json.dumps(whole).encode()


def frame(
    data: bytes | None = None,
    event: bytes = b"stream-started",
    own_id: bytes | None = b"i1",
    *,
    is_too_long: bool = False,
) -> Frame:
    return Frame(event, message() if data is None else data, own_id, is_too_long, 0)


def event(data: bytes | None = None, position: Position = POSITION, received_us: int = RECEIVED_US) -> Event:
    return read_event(frame(data), position, received_us)


TEXTS = st.text('aé😀\ud83d\ude00\ufffd"\\\n\0\u2028[{0-', max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def members_of(usual: dict[str, Any], **others: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects of which some members are missing, some have other values, and some are further ones.

    Args:
        others: values of members other than the usual ones and any at all.
    """
    names = st.sampled_from([*usual, "unknown"])
    changes = st.dictionaries(names, VALUES, max_size=2)
    missing = st.sets(names, max_size=1)
    return st.builds(
        lambda changed, more, absent: {
            name: value for name, value in (usual | more | changed).items() if name not in absent
        },
        changes,
        st.fixed_dictionaries(others),
        missing,
    )


MESSAGES = members_of(MESSAGE, show=members_of(SHOW), user=members_of(USER))
