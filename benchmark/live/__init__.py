"""How fast results leave while frames come in live: latency, and restart after a SIGKILL.

What runs here: `python -m benchmark latency` and `python -m benchmark restart`.
"""
