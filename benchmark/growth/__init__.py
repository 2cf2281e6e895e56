"""How the application's costs grow: one dimension of its work at a time, the rest held.

What runs here: `python -m benchmark growth`.
"""
