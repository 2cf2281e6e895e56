"""The peers: other programs for the same job, one file each, written as their libraries' documentation recommends.

Each runs as `python -m benchmark.peers.NAME`. A requirements file pins the packages of its environment; several sides
may share one.
"""
