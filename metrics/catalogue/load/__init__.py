"""Loading: records of a model into its table, in one transaction, all of them or none."""
