"""The limit of messages in a transaction."""

MOST_MESSAGES = 100_000
# A transaction this small was not lost because of its size.
FEWEST_MESSAGES = 500
# A longer commit is close to its timeout.
LONG_S = 5.0


class TransactionLimit:
    """Limit of the size of a transaction: halved when one is lost, raised when one commits.

    A broker may write so slowly that a commit of what was read in a moment times out. Without a limit, the same
    messages would be read, sent and lost for ever.

    Attributes:
        most_messages: the limit of input messages in a transaction.
    """

    def __init__(self) -> None:
        self.most_messages = MOST_MESSAGES

    def record_loss(self, messages: int) -> None:
        """Note that a transaction of `messages` was lost."""
        if messages > FEWEST_MESSAGES:
            self.most_messages = max(FEWEST_MESSAGES, min(messages, self.most_messages) // 2)

    def record_commit(self, messages: int, took_s: float) -> None:
        """Note that a transaction of `messages` was committed in `took_s` seconds.

        Only one that was nearly full proves anything.
        """
        if messages >= self.most_messages // 2:
            grown = self.most_messages * 2 if took_s < LONG_S else self.most_messages * 5 // 4
            self.most_messages = min(MOST_MESSAGES, grown)
