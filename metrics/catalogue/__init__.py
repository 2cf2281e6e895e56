"""Catalogue: movies, sessions, users, authors, books and reviews in PostgreSQL, with their history; and queries."""
