"""The pure core: the models, and how a record is validated."""
