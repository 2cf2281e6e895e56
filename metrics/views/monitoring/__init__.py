"""The Prometheus metrics of views: of what is taken, and of what is counted."""
