"""Metrics, health and readiness of a job, over HTTP; the job brings a registry and knows its own health."""
