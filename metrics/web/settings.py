"""Settings of the web server."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings.declared import Declared
from metrics.settings.values import NonEmpty
from metrics.web.glance import Thresholds

_LAG = "Lag, in records, from which on it is {} on pages."
_REJECTED = (
    "Share of rejected input, in percent, from which on it is {} on pages: of the last 5 minutes, of a load, of a run."
)


@dataclass(frozen=True, kw_only=True)
class WebSettings(Declared):
    """Settings of the web server: access, and what its pages show in amber and red."""

    api_token: Annotated[
        NonEmpty | None,
        Meta(
            description="Token required by every route of a server except the health checks. Unset: no authentication.",
            extra={"is_secret": True},
        ),
    ] = None
    lag_amber_records: Annotated[int, Meta(ge=1, le=10**12, description=_LAG.format("amber"))] = 10_000
    lag_red_records: Annotated[int, Meta(ge=1, le=10**12, description=_LAG.format("red"))] = 100_000
    rejected_amber_percent: Annotated[int, Meta(ge=1, le=100, description=_REJECTED.format("amber"))] = 1
    rejected_red_percent: Annotated[int, Meta(ge=1, le=100, description=_REJECTED.format("red"))] = 10

    @property
    def lag_thresholds(self) -> Thresholds:
        """Thresholds of a lag, in records."""
        return Thresholds(self.lag_amber_records, self.lag_red_records)

    @property
    def rejected_thresholds(self) -> Thresholds:
        """Thresholds of the share of what is rejected, in percent."""
        return Thresholds(self.rejected_amber_percent, self.rejected_red_percent)

    def conflicts(self, refused: Set[str]) -> Iterator[str]:
        """Refuse a figure that would be red before it is amber."""
        yield from super().conflicts(refused)
        yield from not_red_first("LAG", "RECORDS", self.lag_thresholds)
        yield from not_red_first("REJECTED", "PERCENT", self.rejected_thresholds)


def not_red_first(figure: str, unit: str, thresholds: Thresholds) -> Iterator[str]:
    """Yield what is wrong with thresholds whose variables are FIGURE_AMBER_UNIT and FIGURE_RED_UNIT."""
    amber, red = thresholds
    if red < amber:
        yield f"{figure}_RED_{unit}={red}: must be at least {figure}_AMBER_{unit}, which is {amber}"
