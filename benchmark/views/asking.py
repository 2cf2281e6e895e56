"""Similar items: how long `views serve` takes to answer, and whether pandas finds the same scores."""

from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection
from time import monotonic

import msgspec

from benchmark import process
from benchmark.views.events import ORDINARY, Mix
from benchmark.views.rig import HOST, Rig, ViewsRunError, application, free_port, kept, serving
from metrics.postgres.connect import connect
from metrics.views.settings import ViewsOnlySettings

SCHEMA = ViewsOnlySettings().views_schema
TIMES, KEPT_TIMES = 5, 20
LIMIT = 10
SAME = 1e-9
TIMEOUT_S = 600.0


class Asking(msgspec.Struct, frozen=True):
    """Answers of this application to the question which items are similar to the one with the most viewers.

    Attributes:
        first_s: of the first answer of a new process; `cold_s` is the best of TIMES answers that are computed, `kept_s`
            of KEPT_TIMES that were computed shortly before.
        server_s: processor time of PostgreSQL for an answer that is computed.
    """

    media_id: int
    viewers: int
    first_s: float
    cold_s: float
    kept_s: float
    server_s: float


class Other(msgspec.Struct, frozen=True):
    """Answer of pandas or numpy.

    Attributes:
        mix: of the events.
        scores: the best items, each with its score.
    """

    name: str
    seconds: float
    cpu_s: float
    scores: list[tuple[int, float]]
    mix: Mix = ORDINARY


class Item(msgspec.Struct):
    """Similar item in an answer."""

    media_id: str
    score: float


class Answer(msgspec.Struct):
    """Answer of `/views/media/{id}/similar`."""

    similar: list[Item]


Scores = Sequence[tuple[int, float]]


def asked(rig: Rig, topic: str, url: str) -> tuple[Asking, Scores]:
    """Ask this application, which reads these tables; return the scores, too.

    Raises:
        ViewsRunError: it failed.
    """
    media, viewers = most_viewed(url)
    path = f"/views/media/{media}/similar?limit="
    port = free_port()
    command = application("serve", "--host", HOST, "--port", str(port))
    with (
        serving("views serve", command, rig.variables(topic, url), port),
        closing(HTTPConnection(HOST, port, timeout=TIMEOUT_S)) as client,
    ):
        _timed(client, "/healthz")  # answered once the process, whose port is open from the beginning, has started
        first_s, body = _timed(client, f"{path}{LIMIT}")
        scores = [(int(item.media_id), item.score) for item in msgspec.json.decode(body, type=Answer).similar]
        kept_s = [_timed(client, f"{path}{LIMIT}")[0] for _ in range(KEPT_TIMES)]
        before_s = rig.server.cpu_s()
        # An answer is kept for its limit.
        cold_s = [_timed(client, f"{path}{LIMIT + number}")[0] for number in range(1, TIMES + 1)]
        server_s = (rig.server.cpu_s() - before_s) / TIMES
    return Asking(media, viewers, first_s, min(cold_s), min(kept_s), server_s), scores


def _timed(client: HTTPConnection, path: str) -> tuple[float, bytes]:
    began_s = monotonic()
    client.request("GET", path, headers={"Accept": "application/json"})
    response = client.getresponse()
    body = response.read()
    if response.status != 200:
        raise ViewsRunError(f"{path} answers {response.status}", why=body[:500].decode(errors="replace"))
    return monotonic() - began_s, body


def most_viewed(url: str) -> tuple[int, int]:
    """Return the item with the most viewers, and their number."""
    query = f"SELECT media_id, viewers FROM {SCHEMA}.media ORDER BY viewers DESC, media_id LIMIT 1"  # noqa: S608
    with closing(connect(url)) as connection:
        found = connection.execute(query).fetchone()
    if found is None:
        raise ViewsRunError("no event was counted")
    return int(found[0]), int(found[1])


def others(rig: Rig, mix: Mix, url: str, media_id: int) -> list[Other]:
    """Ask pandas and numpy.

    Raises:
        ViewsRunError: they failed.
    """
    file = rig.folder / "user_media.csv"
    with closing(connect(url)) as connection, file.open("wb") as output:
        query = f"COPY (SELECT user_id, media_id, waypoints FROM {SCHEMA}.user_media) TO STDOUT (FORMAT csv)"  # noqa: S608
        with connection.cursor() as cursor, cursor.copy(query) as rows:
            output.writelines(rows)
        users = connection.execute(f"SELECT sum(users) FROM {SCHEMA}.counts").fetchone()  # noqa: S608
    assert users is not None, "sums are one row"
    numbers = [str(users[0]), str(media_id), str(LIMIT)]
    command = [str(rig.pythons["pandas"]), "-m", "benchmark.peers.views_pandas", str(file), *numbers]
    found = process.reports(rig.run("pandas", command, kept()).printed, Other)
    return [msgspec.structs.replace(other, mix=mix) for other in found]


def differences(ours: Scores, other: Other) -> list[str]:
    """Return how two answers differ, in words; the order of equal scores may."""
    if len(ours) != len(other.scores):
        return [f"{len(ours)} similar items, but {len(other.scores)} by {other.name}"]
    pairs = list(zip(ours, other.scores, strict=True))
    far = max((abs(score - their_score) for (_, score), (_, their_score) in pairs), default=0.0)
    if far > SAME:
        return [f"a score differs by {far:.1e} from that of {other.name}"]
    last = ours[-1][1] if ours else 0.0  # of those tied with it, the answers may have others
    theirs = dict(other.scores)
    return [
        f"item {item} is not among those of {other.name}"
        for item, score in ours
        if item not in theirs and score - last > SAME
    ]
