"""What it costs to get ts and uid out of a frame: decoders of JSON, and other formats, side by side.

What runs here: `python -m benchmark decoders`. What is measured: `readers.py`, in an environment of its own.
"""
