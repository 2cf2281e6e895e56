"""Frames on their way into the input topic: sent, paced, resumed, generated."""
