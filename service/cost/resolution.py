"""The smallest difference that the seeds of a study can resolve, before its first trial."""

from __future__ import annotations

from pathlib import Path

from dit_core.kept import Kept
from search_spaces.types import Expansion
from service import statistics
from service.analysis import numbers
from service.analysis.contrasts import contrasts
from service.statistics.contrast import Kind
from service.statistics.planning import smallest_differences
from service.statistics.power import POWER

_MOST_CONTRASTS = 400
"""Of more the correction takes too long to work out for a preview."""

# SciPy takes as long to import as all else that a plan needs
_KEPT = Kept("resolution", tuple[float, ...], [Path(statistics.__file__).parent], ["numpy", "scipy"])


def smallest_difference(expansion: Expansion) -> str | None:
    """Returns a sentence on the smallest difference between an arm and the baseline that the report's test would find.

    It belongs to that very test, with its correction for all contrasts of the family that the study names.

    Args:
        expansion: the study.

    Returns:
        None for a study of one arm, and for one of very many contrasts.
    """
    asked = [contrast for contrast in contrasts(expansion) if contrast.confirmatory]
    if not asked or len(asked) > _MOST_CONTRASTS:
        return None
    seeds = len(expansion.study.seeds)
    trained = len(expansion.arms) - len(expansion.weights_of)
    weights = [dict(contrast.weights) for contrast in asked]
    found = _KEPT.read([weights, seeds, trained])
    if found is None:
        found = smallest_differences(weights, seeds, trainings=trained) or ()
        _KEPT.keep([weights, seeds, trained], found)
    if not found:
        return (
            f"With {numbers.plural(seeds, 'seed')} and {numbers.plural(trained, 'training')} a seed no difference "
            "between arms can be tested: nothing tells by how much a measurement varies."
        )
    arms = [size for size, contrast in zip(found, asked, strict=True) if contrast.places[0].kind is Kind.ARM]
    size = max(arms or found)
    return (
        f"With {numbers.plural(seeds, 'seed')} the report's test, corrected for "
        f"{numbers.plural(len(asked), 'contrast')}, finds a difference to the baseline of "
        f"{numbers.significant(size, 2)} standard deviations of one measurement in "
        f"{numbers.percent(POWER)} of studies; a smaller one less often."
    )
