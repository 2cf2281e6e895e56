"""Views, measured beside the original's way: upload, counting, similar items, and how each grows."""
