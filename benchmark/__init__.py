"""The benchmark: every side does the same job on the same frames, in one run.

What runs here: `python -m benchmark`. What is measured: the files of `peers/`, and `app.py`.
"""
