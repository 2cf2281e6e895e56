"""How many records a transaction may hold."""

MOST_RECORDS = 100_000
# A transaction that held no more than these was not lost because it was large.
FEWEST_RECORDS = 500
# A commit that takes longer is close to its timeout.
LONG_S = 5.0


class TransactionLimit:
    """Halves what a transaction may hold when one is lost, and lets it grow when one commits.

    A broker may be so slow to write that what is read in a moment cannot be written before the commit times out. Read
    again after that, and sent at once again, it would be lost for ever.

    Attributes:
        most_records: how many records of the input a transaction may hold.
    """

    def __init__(self) -> None:
        self.most_records = MOST_RECORDS

    def record_loss(self, records: int) -> None:
        """Note that a transaction was lost, and how many records it held."""
        if records > FEWEST_RECORDS:
            self.most_records = max(FEWEST_RECORDS, min(records, self.most_records) // 2)

    def record_commit(self, records: int, took_s: float) -> None:
        """Note that a transaction was committed, how many records it held, and how long the commit took.

        Only one that was nearly full proves anything.
        """
        if records >= self.most_records // 2:
            grown = self.most_records * 2 if took_s < LONG_S else self.most_records * 5 // 4
            self.most_records = min(MOST_RECORDS, grown)
