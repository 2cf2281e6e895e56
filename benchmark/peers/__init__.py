"""The sides that are not ours, one file each, written as their own documentation recommends.

Each runs as `python -m benchmark.peers.NAME`. A requirements file pins the packages of its environment; several sides
may share one.
"""
