"""The pure core: the six models, and how a record is validated."""
