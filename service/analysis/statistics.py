"""What may be concluded from a handful of seeds: spreads, paired differences, their intervals and tests.

The unit of replication is the training seed. Arms share seeds (data order, timesteps, noise, evaluation latents),
so an arm is compared with the baseline seed by seed. Intervals are t intervals: at these sample sizes a percentile
bootstrap covers far less than it says. The test is the exact sign-flip test, from five seeds on, since below that it
cannot reach any usual level; Holm's correction covers the family of arms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
MIN_TEST_SEEDS = 5
"""Below five pairs the exact two-sided sign-flip test cannot go below p = 0.125."""
EXPLORATORY_SEEDS = 4
"""Up to this many seeds a study is called exploratory."""


@dataclass(frozen=True)
class Spread:
    """A mean over seeds.

    Attributes:
        n: seeds.
        mean: their mean.
        sd: their sample standard deviation, None for one seed.
    """

    n: int
    mean: float
    sd: float | None


@dataclass(frozen=True)
class PairedDifference:
    """An arm minus the baseline, seed by seed; negative means a lower metric than the baseline's.

    Attributes:
        n: seeds that both have.
        mean: mean difference.
        sd: sample standard deviation of the differences, None for one seed.
        low: lower end of the t interval, None for one seed.
        high: upper end of the t interval, None for one seed.
        p: exact two-sided sign-flip p, None below ``MIN_TEST_SEEDS`` seeds.
        detectable: the true difference that n pairs of this spread find with power 0.8 at level 0.05 (paired t),
            None for one seed.
    """

    n: int
    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    detectable: float | None = None

    @property
    def resolved(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def spread(values: Sequence[float]) -> Spread | None:
    """Returns mean and standard deviation over seeds, or None for no values."""
    if not values:
        return None
    n, mean = len(values), math.fsum(values) / len(values)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else None
    return Spread(n, mean, sd)


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> PairedDifference | None:
    """Compares an arm with the baseline over the seeds that both have.

    Args:
        values: seed -> the arm's metric.
        baseline: seed -> the baseline's metric.

    Returns:
        The difference, or None when they share no seed.
    """
    differences = [values[seed] - baseline[seed] for seed in sorted(values.keys() & baseline.keys())]
    found = spread(differences)
    if found is None or found.sd is None:
        return None if found is None else PairedDifference(found.n, found.mean)
    from scipy import stats

    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, found.n - 1)) * found.sd / math.sqrt(found.n)
    return PairedDifference(
        n=found.n,
        mean=found.mean,
        sd=found.sd,
        low=found.mean - half,
        high=found.mean + half,
        p=sign_flip_p(differences) if found.n >= MIN_TEST_SEEDS else None,
        detectable=detectable_difference(found.n, found.sd),
    )


def sign_flip_p(differences: Sequence[float]) -> float:
    """Returns the two-sided sign-flip p of paired differences: exact up to 16 pairs, sampled beyond."""
    import numpy as np
    from scipy import stats

    test = stats.permutation_test(
        (np.asarray(differences, dtype=float),), np.mean, permutation_type="samples", n_resamples=2**16, rng=0
    )
    return float(test.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns Holm's adjusted p values (Holm 1979): they control the family-wise error at any level."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, running = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def detectable_difference(n: int, sd: float, power: float = 0.8, level: float = 0.05) -> float:
    """Returns the smallest true difference that a paired t test of ``n`` pairs finds with ``power``.

    Args:
        n: pairs, at least 2.
        sd: standard deviation of the differences, in the metric's unit.
        power: probability of finding it.
        level: two-sided level of the test.
    """
    from scipy import optimize, stats

    if sd == 0:
        return 0.0
    critical = float(stats.t.ppf(1 - level / 2, n - 1))

    def shortfall(effect: float) -> float:
        return float(stats.nct.sf(critical, n - 1, effect * math.sqrt(n))) - power

    # in standard deviations; two pairs, the worst case, need 11.5 at these defaults
    return float(optimize.brentq(shortfall, 1e-6, 40.0)) * sd
