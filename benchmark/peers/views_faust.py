"""Faust-streaming counts view events in tables: `views_faust.py STORE LINGER_S BROKER TOPIC RECORDS FOLDER`.

It keeps the counts that this application keeps: each EventId once, totals of each media item, view time of each viewer
and item, and trends by quarter hour and minute. Every table has a changelog in Kafka, as usual. STORE is `memory` or
`rocksdb`, LINGER_S how long a change of a table waits for more to be sent with it. When RECORDS were counted, it writes
its tables into FOLDER/tables.json, and prints its time and processor time since the first one.
"""

import asyncio
import json
import sys
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import faust

STORE, LINGER_S, BROKER, TOPIC, RECORDS, FOLDER = sys.argv[1:]
TYPES = "waypoint", "streamstart", "streamstop", "streamend"
QUARTER_S, MINUTE_S = 900, 60

app = faust.App(
    f"{TOPIC}-faust",
    broker=f"kafka://{BROKER}",
    store=f"{STORE}://",
    datadir=FOLDER,
    topic_partitions=1,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    producer_linger=float(LINGER_S),
    web_enabled=False,
)
worker = faust.Worker(app, loglevel="ERROR", redirect_stdouts=False)
events = app.topic(TOPIC, value_serializer="json")
seen = app.Table("seen", default=bool)
media = app.Table("media", default=lambda: [0, 0, 0, 0])
user_media = app.Table("user_media", default=int)
quarters = app.Table("quarters", default=lambda: [0, 0, 0, 0])
minutes = app.Table("minutes", default=lambda: [0, 0, 0, 0])
TABLES = {"media": media, "user_media": user_media, "media_quarter": quarters, "media_minute": minutes}


@app.agent(events)
async def count(stream: Any) -> None:
    """Count the events, one by one."""
    read = 0
    first_at_s = first_cpu_s = 0.0
    async for event in stream:
        if not read:
            first_at_s, first_cpu_s = monotonic(), process_time()
        take(event)
        read += 1
        if read == int(RECORDS):
            await app.producer.buffer.flush()
            await app.producer.flush()
            took = {"seconds": monotonic() - first_at_s, "cpu_s": process_time() - first_cpu_s}
            tables = {name: dict(table.items()) for name, table in TABLES.items()}
            Path(FOLDER, "tables.json").write_text(json.dumps(tables), encoding="utf-8")
            print(json.dumps(took), flush=True)
            asyncio.get_running_loop().call_soon(asyncio.ensure_future, worker.stop())


def take(event: dict[str, Any]) -> None:
    """Count an event, unless its id was seen."""
    if event["EventId"] in seen:
        return
    seen[event["EventId"]] = True
    item, second, kind = event["MediaId"], event["Timestamp"], TYPES.index(event["EventType"])
    for table, key in (
        (media, str(item)),
        (quarters, f"{item} {second - second % QUARTER_S}"),
        (minutes, f"{item} {second - second % MINUTE_S}"),
    ):
        counts = table[key]
        counts[kind] += 1
        table[key] = counts  # only an assignment reaches the changelog
    if kind == 0:
        user_media[f"{event['UserId']} {item}"] += 1


if __name__ == "__main__":
    worker.execute_from_commandline()
