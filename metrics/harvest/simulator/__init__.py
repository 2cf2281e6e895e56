"""Local streams: a simulator of the three streams."""
