"""Commands of frames, one per file."""

COMMANDS = {
    name: f"metrics.frames.commands.{name.replace('-', '_')}"
    for name in (
        "prepare-topics",
        "feed",
        "results",
        "rejected",
        "status",
        "reset-offsets",
        "verify",
        "count",
        "accuracy",
        "generate",
        "flink",
    )
}
