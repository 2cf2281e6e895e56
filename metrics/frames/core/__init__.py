"""The pure core: no Kafka, no files, no wall clock, no environment. Time is an argument."""
