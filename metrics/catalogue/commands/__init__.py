"""Commands of the catalogue: one group, a file for each of its commands."""

COMMANDS = {"catalogue": "metrics.catalogue.commands.catalogue"}
