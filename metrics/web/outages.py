"""The log of outages that a server notices while it serves."""

import logging

log = logging.getLogger(__name__)


class OutageLog:
    """Log of outages: each is logged once, and once more when all are over.

    Args:
        over: the line for the end.
    """

    def __init__(self, over: str) -> None:
        self._over = over
        self._said: set[str] = set()

    def report(self, outage: str | None) -> None:
        """Log a change.

        Args:
            outage: what is away, in words; None if nothing is.
        """
        if outage is None and self._said:
            self._said.clear()
            log.info(self._over)
        elif outage is not None and outage not in self._said:
            self._said.add(outage)
            log.warning(outage)
