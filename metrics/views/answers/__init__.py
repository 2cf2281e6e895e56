"""Answers to questions about views, each read from the tables in one snapshot."""
