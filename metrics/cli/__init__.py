"""The command line's machinery: registry, exits, options; and the commands that know no system."""

COMMANDS = {name: f"metrics.cli.{name}" for name in ("topics", "broker")}
