"""The same counts over files and pipes, without Kafka."""
