"""The comparisons that a race decides: those that the report will show, judged by the same model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from dit_core.metrics.direction import cost
from search_spaces.types import Expansion
from service.analysis.contrasts import contrasts, repeated
from service.records.decisions import Claim
from service.records.results import Results
from service.statistics.contrast import Contrast, Kind, Place
from service.statistics.fitting import fitted
from service.statistics.measurements import measurements

if TYPE_CHECKING:
    from service.statistics.model import Fit


def comparisons(expansion: Expansion) -> tuple[Contrast, ...]:
    """Returns the study's contrasts, and against the baseline every arm that no question of the study asked for."""
    asked, baseline = contrasts(expansion), expansion.baseline.name
    known = {arm for contrast in asked for arm, _ in contrast.weights} | repeated(expansion) | {baseline}
    others = tuple(
        Contrast(
            arm.name,
            (baseline,),
            ((arm.name, 1.0), (baseline, -1.0)),
            (Place(Kind.ARM, "", arm.name),),
            confirmatory=not expansion.study.confirmatory,
        )
        for arm in expansion.arms
        if arm.name not in known
    )
    return (*asked, *others)


def decided(
    compared: Sequence[Contrast], seeds: Collection[int], expansion: Expansion, results: Results, level: float
) -> tuple[Claim, ...]:
    """Returns the contrasts that are decided at the budget.

    Those that the study named beforehand are corrected among themselves, the others among all: as in its report.

    Args:
        compared: the contrasts that are still open.
        seeds: the seeds that count.
        expansion: the study.
        results: what is known of every trial.
        level: chance of any false claim.
    """
    metric, images = expansion.study.primary_metric, expansion.study.budget_images
    names = dict.fromkeys((expansion.baseline.name, *(arm for contrast in compared for arm, _ in contrast.weights)))
    values = {
        name: {
            trial.seed: value
            for trial in expansion.trials_of[name]
            if trial.seed in seeds and (value := results[trial.name].value(metric, images)) is not None
        }
        for name in names
    }
    model = fitted(measurements(values, trained_with=expansion.weights_of))
    named = [contrast for contrast in compared if contrast.confirmatory]
    clear = _clear(model, named, level)
    if len(named) < len(compared):
        everything = _clear(model, compared, level)
        clear |= {contrast: p for contrast, p in everything.items() if not contrast.confirmatory}
    found = ((contrast, p, model.contrast(contrast.weight_of)) for contrast, p in clear.items())
    return tuple(Claim(contrast.name, known.difference, p) for contrast, p, known in found if known is not None)


def _clear(model: Fit, family: Sequence[Contrast], level: float) -> dict[Contrast, float]:
    from service.statistics.step_down import step_down  # NumPy: see best_arm.py

    found = step_down(model, [contrast.weight_of for contrast in family], level)
    return {family[place]: p for place, p in found.items()}


def told(contrast: Contrast, claim: Claim, expansion: Expansion) -> str:
    """Says what was decided of a contrast's arm, e.g. ``better than the baseline (corrected p 0.003)``."""
    side = "better" if cost(expansion.study.primary_metric, claim.difference) < 0 else "worse"
    if contrast.kind is Kind.INTERACTION:
        other = "its changes add up to one by one"
    elif contrast.reference == (expansion.baseline.name,):
        other = "the baseline"
    else:
        other = contrast.reference[0]
    return f"{side} than {other} (corrected p {claim.p:.2g})"
