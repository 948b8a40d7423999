"""The means of a study's arms at equal seeds; those of finished studies are kept, as their verdicts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dit_core.kept import Kept
from service import statistics
from service.statistics.fitting import fitted
from service.statistics.measurements import Measurements


@dataclass(frozen=True)
class Means:
    """What the model of arms and seeds says of each arm alone, on the metric's own scale.

    Attributes:
        means: arm -> ``Fit.mean``, of the arms that have a finite value.
        differences: arm -> ``Fit.difference`` to the reference, of the arms that can be compared with it.
    """

    means: Mapping[str, float]
    differences: Mapping[str, float]


def means_of(measured: Measurements, reference: str, *, keep: bool) -> Means:
    """Returns the means of all arms.

    Args:
        measured: what was measured.
        reference: the arm that the others are compared with.
        keep: look for them in this machine's cache, and keep them there: those of a study that is finished stay.
    """
    if not measured.values:
        return Means({}, {})
    asked = [measured.told(), reference]
    found = _kept().read(asked) if keep else None
    if found is None:
        fit = fitted(measured)
        means = {arm: fit.mean(arm) for arm in measured.arms}
        differences = {arm: fit.difference(arm, reference) for arm in measured.arms}
        found = Means(_known(means), _known(differences))
        if keep:
            _kept().keep(asked, found)
    return found


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {arm: value for arm, value in values.items() if value is not None}


@cache
def _kept() -> Kept[Means]:
    return Kept("means", Means, [Path(statistics.__file__).parent], ["numpy"])
