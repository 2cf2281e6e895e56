"""The main job as Prometheus sees it: metrics, health and readiness over HTTP."""
