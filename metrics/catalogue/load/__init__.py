"""Loading: records of a model into its table, in one transaction, whole or not at all."""
