"""A study's verdicts, from its final results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dit_core.parts import METRICS
from search_spaces.types import Expansion
from service.analysis.contrasts import contrasts, repeated
from service.analysis.kept_verdicts import judged, kept_verdicts
from service.statistics.measurements import Measurements, measurements
from service.statistics.verdict import Verdicts


def study_measurements(expansion: Expansion, values: Mapping[str, Mapping[int, float]]) -> Measurements:
    """Lays out one metric of a study, as the model of arms and seeds is fitted to it.

    Args:
        expansion: the study.
        values: arm -> seed -> the metric, at the same images for every arm.
    """
    own = {arm.name: values.get(arm.name, {}) for arm in expansion.arms}
    return measurements(own, trained_with=expansion.weights_of)


def study_verdicts(
    expansion: Expansion,
    measured: Measurements,
    metric: str,
    missing: Mapping[str, str],
    also: Sequence[str] = (),
    evaluation: float | None = None,
    *,
    keep: bool = False,
) -> Verdicts:
    """Judges everything that a study compares.

    Args:
        expansion: the study.
        measured: its final results; see ``study_measurements``.
        metric: the metric they are of.
        missing: arm -> why it has no final result.
        also: more sentences that a reader has to know.
        evaluation: variance between evaluations of the same weights, where it is known.
        keep: look for them in this machine's cache, and keep them there: those of a study that is finished stay.
    """
    said = list(also)
    if not measured.values:
        images = expansion.study.budget_images
        said.append(f"No trial has a result of {metric} at the budget of {images:,} images, so nothing is compared.")
    elif expansion.baseline.name not in measured.measured:
        why = missing.get(expansion.baseline.name, "no result")
        said.append(f"The baseline has no final result ({why}), so no arm can be compared with it.")
    settings: dict[str, Any] = {
        "metric": metric,
        "higher": METRICS.about(metric).direction == "max",
        "margin": expansion.study.equivalence_margin,
        "missing": missing,
        "also": said,
        "evaluation": evaluation,
        "repeated": sorted(repeated(expansion)),
    }
    asked = contrasts(expansion)
    return (kept_verdicts if keep else judged)(measured, asked, settings)
