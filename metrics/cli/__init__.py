"""The machinery of the command line: registry, exits, options; and the commands that belong to no system."""

COMMANDS = {name: f"metrics.cli.{name}" for name in ("topics", "broker", "database")}
