"""The state of a consumer group, seen from outside."""
