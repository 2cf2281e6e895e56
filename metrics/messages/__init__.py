"""Messages of Kafka, also for code that may not import Kafka, and lines of files in place of them."""
