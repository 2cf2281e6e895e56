"""Commands of harvest: one group, a file for each of its commands."""

COMMANDS = {"harvest": "metrics.harvest.commands.harvest"}
