"""Metrics, liveness and readiness of a job over HTTP; the job supplies the registry and the health checks."""
