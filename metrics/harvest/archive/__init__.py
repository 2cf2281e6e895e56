"""The folders of runs: raw files, the archive, and what is made from them."""
