"""The web server, for the routers and pages of any systems."""
