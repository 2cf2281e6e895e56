"""Similar items, kept for some seconds: each answer reads the view times of all the item's viewers."""

import time
from collections.abc import Callable
from functools import partial

from metrics.views.answers.similar import SimilarItem, read_similar
from metrics.views.web.kept import KeptByKey
from metrics.web.database import Database

KEPT_S = 10.0
MAX_KEPT = 1_000

Found = list[SimilarItem] | None


class KeptSimilar:
    """Similar items of this process: requests for the same within KEPT_S seconds share one answer."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._kept = KeptByKey(self._read, KEPT_S, MAX_KEPT, clock)

    async def of(self, media_id: int, limit: int, version: object = None) -> Found:
        """Return the items that are most similar to another one, as `read_similar`.

        Args:
            version: of the tables, as `Kept.get`.

        Raises:
            MetricsError, HTTPException: as `Database.run`.
        """
        return await self._kept.get((media_id, limit), version)

    async def _read(self, key: tuple[int, int]) -> Found:
        media_id, limit = key
        return await self._database.run(partial(read_similar, media_id=media_id, limit=limit))
