"""The sides that are not ours, a file each, written as their own documentation would have it.

Each runs as `python -m benchmark.peers.NAME` in an environment of its own. NAME.requirements.txt, where it is there,
pins what that holds; several sides may share one.
"""
