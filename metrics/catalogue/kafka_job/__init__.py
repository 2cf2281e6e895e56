"""Records of a topic, loaded exactly once: rows, sums and offsets in one transaction of the database."""

COLLECTOR = "kafka"
