"""The Prometheus metrics of the main job."""
