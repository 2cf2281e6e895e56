"""The shipped queries: SQL files, each with a header that `metrics.catalogue.query.shipped` reads."""
