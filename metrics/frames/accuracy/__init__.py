"""Costs and gains of each allowed lateness, measured on past frames."""
