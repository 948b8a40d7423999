"""From a fit and the contrasts of a study to its verdicts."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from service.statistics.best import best
from service.statistics.contrast import Contrast, Kind
from service.statistics.model import Estimate, Fit
from service.statistics.notes import notes
from service.statistics.parts import advice, seed_square
from service.statistics.power import MoreSeeds, detectable_effect
from service.statistics.simultaneous import LEVEL, Family, family
from service.statistics.verdict import Mean, Status, Variance, Verdict, Verdicts


def judge(
    fit: Fit,
    contrasts: Sequence[Contrast],
    *,
    metric: str,
    higher: bool,
    margin: float | None = None,
    level: float = LEVEL,
    missing: Mapping[str, str] | None = None,
    also: Sequence[str] = (),
    evaluation: float | None = None,
    repeated: Collection[str] = (),
) -> Verdicts:
    """Judges all contrasts of a study together.

    The confirmatory contrasts are corrected among themselves, the exploratory ones among all that are shown: nothing is
    called clear without a correction.

    Args:
        fit: the fitted model.
        contrasts: all contrasts that are shown, measured or not.
        metric: what is compared, for people.
        higher: whether higher values are better.
        margin: what differs by less than this share of the reference counts as equivalent (``0.05``: 5 %).
        level: family-wise level.
        missing: arm -> why it has no final result, as a clause.
        also: more sentences for ``Verdicts.notes``.
        evaluation: variance between evaluations of the same weights, where it is known.
        repeated: arms that are further measurements of another: none of them is the best arm.
    """
    judged = _Judge(fit, tuple(contrasts), higher, margin, level, missing or {})
    pooled, seed = fit.variances.pooled, seed_square(fit)
    variance = Variance(
        None if pooled is None else math.sqrt(pooled),
        fit.variances.df,
        fit.variances.apart,
        fit.variances.check_p,
        None if seed is None else math.sqrt(seed),
        None if evaluation is None else math.sqrt(evaluation),
        advice(fit, evaluation),
    )
    means = {arm: own for arm in fit.arms if (own := _mean(fit, arm)) is not None}
    found = tuple(judged.verdict(index) for index in range(len(contrasts)))
    chosen = best(fit, higher=higher, level=level, leave_out=repeated)
    said = (*notes(fit), *also, *([variance.advice] if variance.advice else []))
    return Verdicts(metric, fit.scale, level, found, means, variance, chosen, said)


@dataclass(frozen=True, eq=False)
class _Judge:
    fit: Fit
    contrasts: tuple[Contrast, ...]
    higher: bool
    margin: float | None
    level: float
    missing: Mapping[str, str]

    @cached_property
    def everything(self) -> Family:
        return family(self.fit, [contrast.weight_of for contrast in self.contrasts], self.level)

    @cached_property
    def confirmatory(self) -> tuple[Mapping[int, int], Family]:
        """The place of each confirmatory contrast among them, by its place among all; and their family."""
        named = [index for index, contrast in enumerate(self.contrasts) if contrast.confirmatory]
        places = {index: place for place, index in enumerate(named)}
        if len(places) == len(self.contrasts):
            return places, self.everything
        return places, family(self.fit, [self.contrasts[place].weight_of for place in places], self.level)

    @cached_property
    def _more_seeds(self) -> Mapping[bool, MoreSeeds]:
        """Whether it is the family of everything -> what more seeds would come to in it."""
        return {
            whole: MoreSeeds(self.fit, self.everything if whole else self.confirmatory[1]) for whole in (False, True)
        }

    def verdict(self, index: int) -> Verdict:
        contrast = self.contrasts[index]
        places, own = self.confirmatory
        corrected, place = (own, places[index]) if contrast.confirmatory else (self.everything, index)
        estimate = corrected.joint.estimates[place]
        if estimate is None:
            return Verdict(contrast, Status.NOT_MEASURED, self._why(contrast))
        scale = _Scale(self.fit, contrast, estimate, self.higher)
        shown = Verdict(
            contrast,
            Status.UNDECIDED,
            seeds=estimate.seeds,
            mean=scale.mean,
            reference_mean=scale.reference,
            difference=scale.mean - scale.reference,
            ratio=scale.ratio(estimate.difference),
            better=scale.better,
            margin=None if self.margin is None else scale.shown_margin(self.margin),
        )
        if estimate.standard_error is None:
            return replace(shown, reason=self._uncertain())
        critical, one_sided = corrected.critical(place), corrected.critical(place, one_sided=True)
        assert critical is not None and one_sided is not None
        half = critical * estimate.standard_error
        low, high = estimate.difference - half, estimate.difference + half
        margin = None if self.margin is None else scale.margin(self.margin)
        status = Status.CLEAR if low > 0 or high < 0 else Status.UNDECIDED
        if margin is not None and abs(estimate.difference) + one_sided * estimate.standard_error < margin:
            status = Status.EQUIVALENT
        effect = detectable_effect(critical, estimate.df) * estimate.standard_error
        undecided = status is Status.UNDECIDED
        return replace(
            shown,
            status=status,
            low=scale.own(low),
            high=scale.own(high),
            ratio_low=scale.ratio(low),
            ratio_high=scale.ratio(high),
            p=corrected.p(place),
            df=estimate.df,
            detectable=abs(scale.own(effect if self.higher else -effect)),
            more_seeds=self._more_seeds[corrected is self.everything].settle(place, margin) if undecided else 0,
        )

    def _why(self, contrast: Contrast) -> str:
        if contrast.arm in self.missing:
            return self.missing[contrast.arm]
        for arm in contrast.reference:
            if arm in self.missing:
                return f"{arm}: {self.missing[arm]}"
        for arm, _ in contrast.weights:
            if arm not in self.fit.arms or not self.fit.seeds_of(arm):
                return f"{arm}: no result"
        return "the arms have no seed in common, directly or through other arms"

    def _uncertain(self) -> str:
        if len(self.fit.seeds) == 1:
            return "one seed, so the uncertainty is not known"
        if self.fit.variances.df == 0:
            return "no two arms have two seeds in common, so the uncertainty is not known"
        return "the values do not vary over the seeds, so the uncertainty is not known"


class _Scale:
    """A contrast on the metric's own scale."""

    def __init__(self, fit: Fit, contrast: Contrast, estimate: Estimate, higher: bool) -> None:
        self.log = fit.scale == "log"
        self.mean = _marginal(fit, contrast) if contrast.kind is Kind.MAIN else fit.mean(contrast.arm) or 0.0
        ratio = self.ratio(estimate.difference)
        self.reference = self.mean - estimate.difference if ratio is None else self.mean / ratio
        self.better = None if estimate.difference == 0 else (estimate.difference > 0) == higher

    def ratio(self, value: float) -> float | None:
        return math.exp(min(value, 700.0)) if self.log else None

    def own(self, value: float) -> float:
        """A difference on the model's scale as one of the metric, beside the reference's mean."""
        return self.reference * math.expm1(min(value, 700.0)) if self.log else value

    def margin(self, share: float) -> float:
        return math.log1p(share) if self.log else share * abs(self.reference)

    def shown_margin(self, share: float) -> tuple[float, float]:
        margin = self.margin(share)
        return self.own(-margin), self.own(margin)


def _marginal(fit: Fit, contrast: Contrast) -> float:
    """The mean over the cells that a main effect speaks of: geometric on the scale of logarithms."""
    weighted = [(weight, fit.mean(arm) or 0.0) for arm, weight in contrast.weights if weight > 0]
    if fit.scale == "log":
        return math.exp(math.fsum(weight * math.log(mean) for weight, mean in weighted))
    return math.fsum(weight * mean for weight, mean in weighted)


def _mean(fit: Fit, arm: str) -> Mean | None:
    mean = fit.mean(arm)
    if mean is None:
        return None
    own = fit.y[fit.design.arm_of == fit.index[arm]]
    values = np.exp(own) if fit.scale == "log" else own
    return Mean(mean, float(np.std(values, ddof=1)) if len(values) > 1 else None, len(values))
