"""Time: moments and ranges of event time, zones, and how long to wait."""
