"""Similar items, kept for some seconds: each answer reads the view times of all the item's viewers."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from metrics.views.answers.similar import SimilarItem, read_similar
from metrics.web.database import Database

KEPT_S = 10.0
MAX_KEPT = 1_000

Found = list[SimilarItem] | None


class KeptSimilar:
    """Similar items of this process: requests for the same within KEPT_S seconds share one answer.

    A request that is cancelled does not cancel the answer, for which others may wait.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._kept: OrderedDict[tuple[int, int], tuple[float, asyncio.Task[Found]]] = OrderedDict()

    async def of(self, media_id: int, limit: int) -> Found:
        """Return the items that are most similar to another one, as `read_similar`.

        Raises:
            MetricsError, HTTPException: as `Database.run`.
        """
        key = media_id, limit
        began_s, task = self._kept.get(key, (float("-inf"), None))
        if task is None or self._clock() - began_s >= KEPT_S or _has_failed(task):
            work = partial(read_similar, media_id=media_id, limit=limit)
            task = asyncio.get_running_loop().create_task(self._database.run(work))
            self._kept[key] = self._clock(), task
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return await asyncio.shield(task)


def _has_failed(task: "asyncio.Task[Found]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
