"""Flink, measured beside this application: processor time of a frame, memory of a user, and what many cores take."""
