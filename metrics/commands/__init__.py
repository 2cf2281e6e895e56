"""The commands, a file each: what it takes, what it does step by step, and what it says of it."""
