"""The findings of a verification: what was compared, and what differs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from metrics.views.verify.matching import Difference
from metrics.views.verify.tables import ComparedTable

MAX_DIFFERENCES = 10


class Verdict(Enum):
    """Result of a verification."""

    AGREES = "agrees"
    PARTLY = "partly compared"
    DIFFERS = "differs"
    NOTHING = "nothing to compare"


@dataclass
class Compared:
    """Comparison of a table, or of sums of two tables.

    Attributes:
        rows: number of rows that were compared.
        differences: number of rows that differ.
        kept: the first of them.
    """

    table: ComparedTable
    rows: int = 0
    differences: int = 0
    kept: list[Difference] = field(default_factory=list)


@dataclass
class Findings:
    """Findings about all tables.

    Args:
        most: number of differences to keep for each table; all are counted.

    Attributes:
        records: number of records that were counted again.
        remarks: what could not be compared, and why.
        is_whole: the topic has every record that was counted.
    """

    most: int = MAX_DIFFERENCES
    records: int = 0
    remarks: list[str] = field(default_factory=list)
    is_whole: bool = True
    compared: dict[str, Compared] = field(default_factory=dict)

    def add(self, table: ComparedTable, differences: Iterable[Difference | None]) -> None:
        """Add compared rows of a table: each its difference, or None."""
        found = self.compared.setdefault(table.name, Compared(table))
        for difference in differences:
            found.rows += 1
            if difference is not None:
                found.differences += 1
                if len(found.kept) < self.most:
                    found.kept.append(difference)

    @property
    def differences(self) -> int:
        """Number of rows that differ, in all tables."""
        return sum(found.differences for found in self.compared.values())

    @property
    def verdict(self) -> Verdict:
        """The result."""
        if self.differences:
            return Verdict.DIFFERS
        if not self.is_whole:
            return Verdict.PARTLY
        return Verdict.AGREES if self.records else Verdict.NOTHING
