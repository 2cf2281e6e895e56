"""The job of views: counts the events of a topic into the tables, each event once."""
