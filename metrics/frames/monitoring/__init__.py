"""What Prometheus scrapes of the main job."""
