"""Verification: the topic is read again, counted plainly, and compared with every table."""
