"""PostgreSQL, for any system: settings, connections, errors, schema versions, and a local server."""
