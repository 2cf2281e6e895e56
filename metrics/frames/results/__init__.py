"""Published results: read, and written as text, tables and Parquet."""
