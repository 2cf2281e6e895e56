"""Commands of harvest: one group, with a file for each subcommand."""

COMMANDS = {"harvest": "metrics.harvest.commands.harvest"}
