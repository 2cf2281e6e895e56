"""The application: the commands, the settings and the server of all systems."""
