"""Files: atomic writes, and JSON lines from plain files, compressed ones and pipes."""
