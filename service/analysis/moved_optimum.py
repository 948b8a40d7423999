"""Whether an arm's best values differ from the baseline's by more than the noise of the tuning seeds.

Compared is by how much more the arm gains than the baseline from its own best values instead of the baseline's. The
noise is what cells (an arm with some values) and seeds leave of all that was tried, on a logarithmic scale where the
metric is positive. Both values were chosen as the best of several, so the test is corrected for every arm and every
pair of values (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from search_spaces.types import Candidate, Tuned
from service.tuning.candidates import mean_of


def moved_p(arm: Tuned, own: Candidate, baseline: Tuned, best: Candidate, tuned: Sequence[Tuned]) -> float | None:
    """Returns the corrected p of a moved optimum.

    Args:
        arm: the arm.
        own: its best candidate.
        baseline: the baseline.
        best: the baseline's best candidate.
        tuned: all arms.

    Returns:
        None where it cannot be tested: with one seed, and where one of the two was not tried with the other's values.
    """
    cells = [candidate.measured for item in tuned for candidate in item.chosen_from if mean_of(candidate) is not None]
    seeds = sorted(set.intersection(*map(set, cells))) if cells else []
    four = [like(arm, own), like(arm, best), like(baseline, own), like(baseline, best)]
    if len(seeds) < 2 or any(cell is None or mean_of(cell) is None for cell in four):
        return None
    positive = all(value > 0 for cell in cells for value in cell.values())
    table = [[math.log(cell[seed]) if positive else cell[seed] for seed in seeds] for cell in cells]
    square, df = _noise(table)
    if square <= 0:
        return None
    signs = (1.0, -1.0, -1.0, 1.0)
    means = [_mean(cell.measured, seeds, positive) for cell in four if cell is not None]
    gain = sum(sign * mean for sign, mean in zip(signs, means, strict=True))
    from scipy import special

    t = abs(gain) / math.sqrt(4 * square / len(seeds))
    values = len(arm.chosen_from)
    compared = max(1, len(tuned) - 1) * max(1, values * (values - 1) // 2)
    return min(1.0, compared * 2 * float(special.stdtr(df, -t)))


def like(arm: Tuned, candidate: Candidate) -> Candidate | None:
    """Returns the candidate of an arm that has the values of another one; None where they were not tried."""
    return next((item for item in arm.chosen_from if dict(item.values) == dict(candidate.values)), None)


def _noise(table: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Variance and degrees of freedom of what rows (cells) and columns (seeds) leave."""
    rows = [math.fsum(row) / len(row) for row in table]
    columns = [math.fsum(column) / len(table) for column in zip(*table, strict=True)]
    whole = math.fsum(rows) / len(rows)
    left = [(value - rows[i] - columns[j] + whole) ** 2 for i, row in enumerate(table) for j, value in enumerate(row)]
    df = (len(table) - 1) * (len(columns) - 1)
    return (math.fsum(left) / df if df else 0.0), df


def _mean(measured: Mapping[int, float], seeds: Sequence[int], positive: bool) -> float:
    return math.fsum(math.log(measured[seed]) if positive else measured[seed] for seed in seeds) / len(seeds)
