"""Metrics of media streams: five systems over plumbing that knows none of them."""

__version__ = "0.1.0"
