"""The dead letter topic: its records listed, and replayed into the input topic."""
