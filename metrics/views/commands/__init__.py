"""Commands of views: one group, a file for each of its commands."""

COMMANDS = {"views": "metrics.views.commands.views"}
