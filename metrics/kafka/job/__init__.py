"""The exactly-once runner: takes over, polls, recovers, stands by."""
