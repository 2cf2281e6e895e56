"""Similar items by pandas and by numpy: `views_pandas.py FILE USERS MEDIA LIMIT`.

FILE is CSV: user, media item, waypoints. USERS is the number of all users, of whom some have no waypoint. pandas starts
from the dicts of a table, as the original does on each request; numpy has arrays and the sums of each item in memory.
For each, a line of JSON is printed: time, processor time, and the best items with their scores.
"""

import json
import sys
from collections.abc import Callable
from time import monotonic, process_time

import numpy as np
import pandas as pd

FILE, USERS, MEDIA, LIMIT = sys.argv[1], *map(int, sys.argv[2:])


def by_corrwith(views: dict[int, dict[int, int]]) -> pd.Series:
    """Return the correlations with all items: a table of users and items, then `corrwith`.

    Args:
        views: waypoints of each item by user, as the original's table has them.
    """
    table = pd.DataFrame(views).fillna(0)
    others = pd.DataFrame(0, index=range(-1, -1 - USERS + len(table), -1), columns=table.columns)
    table = pd.concat([table, others])
    with np.errstate(invalid="ignore", divide="ignore"):
        return table.corrwith(table[MEDIA]).drop(MEDIA)


class InMemory:
    """Rows as arrays, and the sums of each item, kept up to date between requests."""

    def __init__(self, rows: pd.DataFrame) -> None:
        users, self.user = np.unique(rows.user, return_inverse=True)
        self.ids, self.media = np.unique(rows.media, return_inverse=True)
        self.waypoints = rows.waypoints.to_numpy(float)
        self.users = len(users)
        self.sums = np.bincount(self.media, self.waypoints)
        self.squares = np.bincount(self.media, self.waypoints**2)

    def similar(self) -> pd.Series:
        """Return the correlations with all items."""
        at = int(np.searchsorted(self.ids, MEDIA))
        own = np.zeros(self.users)
        mine = self.media == at
        own[self.user[mine]] = self.waypoints[mine]
        products = np.bincount(self.media, self.waypoints * own[self.user])
        spread = np.sqrt(USERS * self.squares - self.sums**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = (USERS * products - self.sums * self.sums[at]) / (spread * spread[at])
        return pd.Series(scores, index=self.ids).drop(MEDIA)


def report(name: str, similar: Callable[[], pd.Series]) -> None:
    """Ask once, and print what it took."""
    at_s, cpu_s = monotonic(), process_time()
    best = similar().dropna().sort_index().sort_values(ascending=False, kind="stable").head(LIMIT)
    took = {"seconds": monotonic() - at_s, "cpu_s": process_time() - cpu_s}
    scores = [(int(media), float(score)) for media, score in best.items()]
    print(json.dumps({"name": name, **took, "scores": scores}), flush=True)


def main() -> None:
    """Ask in each way."""
    rows = pd.read_csv(FILE, names=["user", "media", "waypoints"])
    in_memory = InMemory(rows)
    views = {int(media): dict(zip(each.user, each.waypoints, strict=True)) for media, each in rows.groupby("media")}
    report("pandas corrwith", lambda: by_corrwith(views))
    report("numpy, in memory", in_memory.similar)


if __name__ == "__main__":
    main()
