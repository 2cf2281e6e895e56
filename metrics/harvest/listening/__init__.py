"""A run: the streams are read in parallel until the rule stops it."""
