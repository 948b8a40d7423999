"""A share with its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Proportion:
    """How often something happened.

    Attributes:
        count: how often it did.
        of: how often it could have.
    """

    count: int
    of: int

    @property
    def share(self) -> float:
        """``count / of``; NaN where there was no chance."""
        return self.count / self.of if self.of else float("nan")

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Returns the exact interval (Clopper & Pearson, Biometrika 26, 1934), as shares; 0 to 1 of no chances."""
        if not self.of:
            return 0.0, 1.0
        from scipy.stats import binomtest  # as long to import as all that a mistake in a study file needs

        found = binomtest(self.count, self.of).proportion_ci(level, method="exact")
        return float(found.low), float(found.high)

    def __add__(self, other: Proportion) -> Proportion:
        return Proportion(self.count + other.count, self.of + other.of)

    @property
    def text(self) -> str:
        """``3 of 60 (5 %, interval 1 to 14 %)``."""
        low, high = self.interval()
        if not self.of:
            return "0 of 0"
        return f"{self.count} of {self.of} ({self.share:.0%}, interval {100 * low:.0f} to {100 * high:.0f} %)".replace(
            "%,", " %,"
        )
