"""A consumer group and its state, moved to another position."""
