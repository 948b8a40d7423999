"""Where the variation comes from: seeds, training noise, evaluation. It says what to spend on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.statistics.measurements import Scale
from service.statistics.model import Fit, fit


def seed_square(fit: Fit) -> float | None:
    """Returns the variance of what a seed does to all arms alike; 0 where pairing by seed bought nothing.

    The method of moments: what the seeds explain beyond the arms, less what errors alone would. None without degrees of
    freedom.
    """
    pooled = fit.variances.pooled
    if pooled is None:
        return None
    design = fit.design
    load = design.seeds_load
    if load < 1e-9:
        return None
    return max(0.0, (design.seeds_explain(fit.y) - design.rank_of_seeds * pooled) / load)


def repeat_square(repeats: Sequence[Sequence[float]], scale: Scale) -> float | None:
    """Returns the variance between evaluations of the same weights, pooled; None where none were evaluated twice.

    Args:
        repeats: for each training, the metric of its evaluations; numbers of them may differ.
        scale: as ``Fit.scale``.
    """
    used = [np.log(own) if scale == "log" else np.asarray(own) for own in repeats if len(own) > 1]
    df = sum(len(own) - 1 for own in used)
    return float(sum(((own - own.mean()) ** 2).sum() for own in used)) / df if df else None


@dataclass(frozen=True)
class Parts:
    """The parts of the variation of one evaluation, as standard deviations on the model's scale.

    Attributes:
        seed: what a training seed does to all arms alike; seed-by-seed comparison takes it out.
        arm_by_seed: what a training seed does to one arm: training noise. Only more training seeds help.
        evaluation: what another evaluation of the same weights changes. More samples, or more evaluations, help.
        evaluations: evaluations of each training.
    """

    seed: float
    arm_by_seed: float
    evaluation: float
    evaluations: int

    @property
    def evaluation_share(self) -> float:
        """The share of the error variance of an arm's mean that more evaluations of the same weights would take out."""
        evaluation = self.evaluation**2 / self.evaluations
        total = evaluation + self.arm_by_seed**2
        return evaluation / total if total > 0 else 0.0

    @property
    def advice(self) -> str:
        """One sentence on whether training seeds or samples help."""
        return _advice(self.evaluation_share)


def advice(fit: Fit, evaluation: float | None) -> str:
    """Returns one sentence on whether training seeds or samples help, for trials that are evaluated once.

    Args:
        fit: the fitted model.
        evaluation: variance between evaluations of the same weights on its scale.

    Returns:
        The sentence; empty where one of the variances is not known.
    """
    pooled = fit.variances.pooled
    return "" if evaluation is None or not pooled else _advice(min(1.0, evaluation / pooled))


def _advice(share: float) -> str:
    text = f"Evaluation makes up about {100 * share:.0f} % of the noise"
    if share > 0.5:
        return f"{text}: more samples per evaluation help more than more seeds."
    return f"{text}: only more training seeds help."


def variance_parts(values: Mapping[str, Mapping[int, Sequence[float]]], scale: Scale | None = None) -> Parts | None:
    """Splits the variation of trials that were evaluated several times, each time with other noise.

    Args:
        values: arm -> training seed -> the same metric of the same weights, once per evaluation seed. Every trial
            has the same number of them, at least two.
        scale: as for ``fit``.

    Returns:
        The parts; None where trials have fewer than two evaluations, or there are no two arms with two seeds.

    Raises:
        ValueError: numbers of evaluations that differ.
    """
    cells = [repeats for own in values.values() for repeats in own.values()]
    counts = {len(repeats) for repeats in cells}
    if not cells or min(counts) < 2:
        return None
    if len(counts) > 1:
        raise ValueError(f"every trial has the same number of evaluations; {sorted(counts)} given")
    if scale is None:
        scale = "log" if all(value > 0 for repeats in cells for value in repeats) else "identity"
    size = counts.pop()
    own = {
        arm: {s: [math.log(v) if scale == "log" else v for v in r] for s, r in seeds.items()}
        for arm, seeds in values.items()
    }
    evaluation = repeat_square([repeats for seeds in own.values() for repeats in seeds.values()], "identity") or 0.0
    means = fit({arm: {s: float(np.mean(r)) for s, r in seeds.items()} for arm, seeds in own.items()}, scale="identity")
    pooled, seed = means.variances.pooled, seed_square(means)
    if pooled is None or seed is None:
        return None
    return Parts(math.sqrt(seed), math.sqrt(max(0.0, pooled - evaluation / size)), math.sqrt(evaluation), size)
