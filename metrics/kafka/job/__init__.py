"""The exactly-once runner: takes over, waits as a standby, recovers, stops when fenced."""
