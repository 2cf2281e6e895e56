"""Loads of the catalogue, measured beside the original's design and two libraries, on one PostgreSQL."""
