"""The terminal: console, tables, and standard streams that close or fill up."""
