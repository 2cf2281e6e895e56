"""The web server: it takes the routers and pages of systems, and knows none of them."""
