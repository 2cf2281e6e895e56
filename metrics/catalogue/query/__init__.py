"""Queries: SQL with named parameters, run read-only, and the shipped ones."""
