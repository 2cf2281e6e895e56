"""Moving a consumer group and its state to another position."""
