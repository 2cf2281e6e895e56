"""The live view: the newest results, the group's status and current outages, in memory and kept up to date."""
