"""The same counts on Apache Flink: as SQL, with the application's settings and records, for more than one machine."""
