"""What is looked at live: the newest results, how the group stands, and what is wrong; in memory, kept up to date."""
