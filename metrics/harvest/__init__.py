"""Harvest: three live streams of viewing events, read in parallel, archived, and reported."""
