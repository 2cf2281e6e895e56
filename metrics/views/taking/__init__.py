"""Taking of view events: lines in, records of VIEWS_TOPIC and of the dead letter topic out, each acknowledged."""
