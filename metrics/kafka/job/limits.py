"""The limit of records in a transaction."""

MOST_RECORDS = 100_000
# A transaction this small was not lost because of its size.
FEWEST_RECORDS = 500
# A longer commit is close to its timeout.
LONG_S = 5.0


class TransactionLimit:
    """Limit of the size of a transaction: halved when one is lost, raised when one commits.

    A broker may write so slowly that a commit of what was read in a moment times out. Without a limit, the same records
    would be read and sent again, and lost again, for ever.

    Attributes:
        most_records: the limit of input records in a transaction.
    """

    def __init__(self) -> None:
        self.most_records = MOST_RECORDS

    def record_loss(self, records: int) -> None:
        """Note that a transaction of `records` was lost."""
        if records > FEWEST_RECORDS:
            self.most_records = max(FEWEST_RECORDS, min(records, self.most_records) // 2)

    def record_commit(self, records: int, took_s: float) -> None:
        """Note that a transaction of `records` was committed in `took_s` seconds.

        Only one that was nearly full proves anything.
        """
        if records >= self.most_records // 2:
            grown = self.most_records * 2 if took_s < LONG_S else self.most_records * 5 // 4
            self.most_records = min(MOST_RECORDS, grown)
