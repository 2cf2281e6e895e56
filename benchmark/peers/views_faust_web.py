"""Faust-streaming takes view events, one in each request: `views_faust_web.py BROKER TOPIC PORT FOLDER`.

A request is answered once the event is in the producer's buffer, which is Faust's usual way.
"""

import sys
from typing import Any

import faust
from faust.web import Request, Response, View

BROKER, TOPIC, PORT, FOLDER = sys.argv[1:]
TYPES = ("waypoint", "streamstart", "streamstop", "streamend")
NUMBERS = "MediaId", "UserId", "Timestamp"

app = faust.App(
    f"{TOPIC}-faust",
    broker=f"kafka://{BROKER}",
    datadir=FOLDER,
    topic_partitions=1,
    topic_disable_leader=True,
    producer_linger=0.02,
    web_bind="127.0.0.1",
    web_host="127.0.0.1",
    web_port=int(PORT),
)
app.producer_only = True  # the events are counted elsewhere
worker = faust.Worker(app, loglevel="ERROR", redirect_stdouts=False)
events = app.topic(TOPIC, key_serializer="json", value_serializer="json")


@app.page("/event/create/")
class Create(View):
    """Page that takes an event."""

    async def post(self, request: Request) -> Response:
        """Check an event, and send it."""
        try:
            event = await request.json()
        except ValueError as error:
            return self.json({"status": "error", "error": [str(error)]}, status=400)
        if errors := wrong(event):
            return self.json({"status": "error", "error": errors}, status=422)
        await events.send(key=event["UserId"], value=event)
        return self.json({"status": "success"})


def wrong(event: Any) -> list[str]:
    """Return what is wrong with an event."""
    if not isinstance(event, dict):
        return ["not an object"]
    return [
        *(f"Missing {name}" for name in ("EventId", "DateTime") if not isinstance(event.get(name), str)),
        *(f"{name} must be a number" for name in NUMBERS if type(event.get(name)) is not int),
        *(["EventType"] if event.get("EventType") not in TYPES else []),
    ]


if __name__ == "__main__":
    worker.execute_from_commandline()
