"""Exact counts of a stream of frames: frames per second, unique users per minute."""
