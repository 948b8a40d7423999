"""Which contrasts of a family are clear, step by step: what is clear no longer counts against the rest.

Step-down max-t (Westfall & Young, Resampling-Based Multiple Testing, 1993, section 2.8): all contrasts are judged by
the distribution of the largest of their t values; those that are clear are set aside, and the others are judged by the
largest of theirs, until none is clear any more. The family-wise level holds as that of ``simultaneous.py`` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.statistics.model import Fit
from service.statistics.simultaneous import family


def step_down(fit: Fit, contrasts: Sequence[Mapping[str, float]], level: float) -> dict[int, float]:
    """Finds the contrasts that are clear.

    Args:
        fit: the fitted model.
        contrasts: the family, arm -> weight. One that is not measured is counted, and never clear.
        level: family-wise level.

    Returns:
        Place among the contrasts -> its corrected two-sided p.
    """
    clear: dict[int, float] = {}
    while left := [place for place in range(len(contrasts)) if place not in clear]:
        judged = family(fit, [contrasts[place] for place in left], level)
        found = {place: p for index, place in enumerate(left) if (p := judged.p(index)) is not None and p <= level}
        if not found:
            break
        clear |= found
    return clear
