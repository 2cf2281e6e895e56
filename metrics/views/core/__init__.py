"""What a view event is, and what follows from many: counts, trends, similar items; pure."""
