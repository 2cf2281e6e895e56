"""The benchmark: every side does the same job on the same frames, in one run: `python -m benchmark`.

It measures `app.py` and the programs in `peers/`.
"""
