"""Similar items by pandas and by numpy: `views_pandas.py FILE USERS MEDIA LIMIT`.

FILE is CSV: user, media item, waypoints. USERS is the number of all users, of whom some have no waypoint. Each way
starts from the rows, as on each request; the second one has what numpy needs in memory, and adds up products only for
viewers of the item. It prints a line of JSON for each way: time, processor time, and the best items with their scores.
"""

import json
import sys
from collections.abc import Callable
from time import monotonic, process_time

import numpy as np
import pandas as pd

FILE, USERS, MEDIA, LIMIT = sys.argv[1], *map(int, sys.argv[2:])


def by_corrwith(rows: pd.DataFrame) -> pd.Series:
    """Return the correlations with all items: a table of users and items, then `corrwith`."""
    table = rows.pivot_table(index="user", columns="media", values="waypoints", fill_value=0)
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
    report("pandas corrwith", lambda: by_corrwith(rows))
    report("numpy, in memory", in_memory.similar)


if __name__ == "__main__":
    main()
