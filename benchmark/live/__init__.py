"""How soon results leave while frames come in live: `python -m benchmark latency`, `python -m benchmark restart`."""
