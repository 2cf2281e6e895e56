"""Frames: frames per second and unique users per minute of a stream, each window once, exactly."""
