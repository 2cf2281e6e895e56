"""The status of a consumer group, observed from outside."""
