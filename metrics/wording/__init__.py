"""What is said to people: counts, durations and times in words, and errors."""
