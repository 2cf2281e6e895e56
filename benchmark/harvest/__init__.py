"""Parsers of server-sent events side by side, and whole runs of harvest against a flood."""
