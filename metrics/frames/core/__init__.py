"""The pure core: no Kafka client, no files, no wall clock, no environment. Time is an argument."""
