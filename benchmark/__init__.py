"""The benchmark: `app.py` and the programs in `peers/` do the same job on the same frames, in one run.

Its command line is `python -m benchmark`.
"""
