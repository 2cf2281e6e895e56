"""The file of view events that `views generate` writes and `views send` sends if none is named."""

from metrics.files.project import project_folder

EVENT_FILE = project_folder() / "data" / "view-events.jsonl"
SHOWN = "data/view-events.jsonl"
