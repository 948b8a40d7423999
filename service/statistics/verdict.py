"""One verdict per contrast: what report, MLflow, tables, JSON and Python show, computed once.

A verdict is made by ``judge.py`` from a fit; everything else only shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from service.statistics.contrast import Contrast, Kind


class Status(StrEnum):
    """What may be said of a contrast."""

    CLEAR = "clear"
    """The two differ: the simultaneous interval leaves out zero (and the difference is not within the margin)."""
    EQUIVALENT = "equivalent"
    """They differ by less than the study's equivalence margin, if at all: it does not matter which one is taken."""
    UNDECIDED = "undecided"
    """Measured, and neither. This says that the study is too small, not that there is no difference."""
    NOT_MEASURED = "not measured"
    """An arm of it has no result at the study's budget, or the arms have no seed in common."""


@dataclass(frozen=True)
class Cost:
    """What a contrast's arm cost.

    Attributes:
        device_seconds: training, sampling and scoring of the arm, all seeds.
        reference_device_seconds: the same of what it is compared with.
        gflops: forward pass of the arm, in the paper's Gflops.
        reference_gflops: the same of what it is compared with.
    """

    device_seconds: float
    reference_device_seconds: float
    gflops: float
    reference_gflops: float


@dataclass(frozen=True)
class Verdict:
    """What a study says about one contrast. Differences are the arm minus its reference, in the metric's own unit.

    Text that is written from a verdict names a difference as one only where ``status`` is ``CLEAR``.

    Attributes:
        contrast: what is compared with what, and where the study asks it.
        status: what may be said.
        reason: why it was not measured, or why it can never be decided at these seeds; a clause without a full stop,
            e.g. ``stopped at 12,800 images``. Empty otherwise.
        seeds: the fewest seeds that an arm of the contrast has a final result with.
        mean: the arm's mean, see ``Fit.mean``; None when not measured, as all numbers below.
        reference_mean: what it is compared with. ``mean - reference_mean`` is ``difference``, always.
        difference: the estimated difference.
        low: lower end of its simultaneous interval; None without an estimate of the uncertainty (one seed).
        high: upper end.
        ratio: the arm's mean over the reference's; None on a metric that is not positive.
        ratio_low: lower end of its simultaneous interval.
        ratio_high: upper end.
        p: two-sided p, corrected for every contrast of its family; below the level exactly when the interval leaves
            out zero.
        df: degrees of freedom.
        better: whether the arm's mean is better than the reference's; None when they are equal or not measured. It is
            worth mentioning only where ``status`` is ``CLEAR``.
        margin: what differs by less than this counts as equivalent, as (low, high) of the difference; None without one.
        detectable: the smallest difference that this very test finds with power 0.8 at these seeds, as the size of a
            difference in the direction of the better values; None without an estimate of the uncertainty.
        more_seeds: how many more seeds of every arm settle an undecided contrast with power 0.8, if the true
            difference is the estimated one; 0 where it is settled; None where no feasible number does.
        more_device_seconds: what those seeds cost, if it is known.
        differs: every setting that the two configurations differ in beside what the study set, one a sentence.
        cost: what the arm cost, if it is known.
    """

    contrast: Contrast
    status: Status
    reason: str = ""
    seeds: int = 0
    mean: float | None = None
    reference_mean: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    p: float | None = None
    df: float | None = None
    better: bool | None = None
    margin: tuple[float, float] | None = None
    detectable: float | None = None
    more_seeds: int | None = None
    more_device_seconds: float | None = None
    differs: tuple[str, ...] = ()
    cost: Cost | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the verdict as plain JSON data."""
        own = {name: getattr(self, name) for name in _PLAIN}
        return {
            "contrast": self.contrast.name,
            "arm": self.contrast.arm,
            "reference": list(self.contrast.reference),
            "kind": str(self.contrast.kind),
            "shown_in": [{"kind": str(p.kind), "question": p.question, "label": p.label} for p in self.contrast.places],
            "confirmatory": self.contrast.confirmatory,
            "status": str(self.status),
            **own,
            "margin": None if self.margin is None else list(self.margin),
            "differs": list(self.differs),
            "cost": None if self.cost is None else vars(self.cost),
        }


_PLAIN = (
    "reason", "seeds", "mean", "reference_mean", "difference", "low", "high", "ratio", "ratio_low", "ratio_high", "p",
    "df", "better", "detectable", "more_seeds", "more_device_seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Mean:
    """An arm's mean, at the same seeds for every arm; see ``Fit.mean``.

    Attributes:
        value: the mean, in the metric's own unit: what every verdict's ``mean`` is.
        sd: standard deviation over the arm's own seeds, None for one.
        seeds: seeds that it has a final result with.
    """

    value: float
    sd: float | None
    seeds: int


@dataclass(frozen=True)
class Best:
    """The arm with the best mean, with what choosing the best of several does to its certainty.

    Attributes:
        arm: its name.
        seeds: its seeds.
        mean: its mean.
        low: lower end of an interval of its mean that holds whichever arm turned out to be the best: simultaneous over
            all measured arms. None without an estimate of the uncertainty.
        high: upper end.
        candidates: the arms that the best one may be, with confidence 95 %, the chosen one first: all that are not
            clearly worse than some other (Hsu, Annals of Statistics 9, 1981).
    """

    arm: str
    seeds: int
    mean: float
    low: float | None
    high: float | None
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Variance:
    """How much results vary.

    Attributes:
        pooled_sd: standard deviation of one measurement; a share of the mean (``0.04`` is 4 %) where the scale is
            ``log``. None without degrees of freedom.
        df: degrees of freedom.
        apart: arms that vary more than the others; their comparisons use a variance of their own.
        check_p: p of the check that all arms vary alike; None where it cannot be made.
        seed_sd: standard deviation of what a seed does to all arms alike, on the same scale; 0 where pairing by seed
            bought nothing, None where it cannot be told.
        evaluation_sd: standard deviation between evaluations of the same weights, on the same scale; part of
            ``pooled_sd``. None where the study evaluates no weights twice.
        advice: one sentence on whether seeds or samples help; empty where that cannot be told.
    """

    pooled_sd: float | None
    df: int
    apart: tuple[str, ...]
    check_p: float | None
    seed_sd: float | None
    evaluation_sd: float | None = None
    advice: str = ""


@dataclass(frozen=True)
class Verdicts:
    """All that a study says. See ``service.analysis.verdicts`` for how it is made from a study's records.

    Attributes:
        metric: the metric that is compared.
        scale: ``log`` or ``identity``, see ``Fit.scale``.
        level: family-wise level of the tests, and 1 minus the simultaneous confidence of the intervals.
        verdicts: one per contrast, in the order of the study.
        means: arm -> mean, for the arms with a final result.
        variance: how much results vary.
        best: the arm with the best mean; None before any is measured.
        notes: sentences that a reader has to know, e.g. which claims one seed makes impossible, values that were no
            numbers, or that the plan was changed after the first trial. Show all of them.
    """

    metric: str
    scale: str
    level: float
    verdicts: tuple[Verdict, ...]
    means: Mapping[str, Mean]
    variance: Variance
    best: Best | None = None
    notes: tuple[str, ...] = ()
    _by_place: dict[tuple[str, str, Kind], Verdict] = field(init=False, repr=False, compare=False)
    _by_arm: dict[str, Verdict] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = {(p.question, p.label, p.kind): v for v in self.verdicts for p in v.contrast.places}
        object.__setattr__(self, "_by_place", found)
        arms: dict[str, Verdict] = {}
        for verdict in self.verdicts:
            if any(place.kind is Kind.ARM for place in verdict.contrast.places):
                arms.setdefault(verdict.contrast.arm, verdict)
        object.__setattr__(self, "_by_arm", arms)

    def of(self, arm: str) -> Verdict | None:
        """Returns the verdict of an arm against the baseline; None for the baseline."""
        return self._by_arm.get(arm)

    def at(self, question: str, label: str, kind: Kind = Kind.ARM) -> Verdict | None:
        """Returns the verdict that a question shows under a label; None where it shows none (the baseline's row)."""
        return self._by_place.get((question, label, kind))

    def question(self, name: str) -> tuple[Verdict, ...]:
        """Returns the verdicts that a question shows, in its order."""
        return tuple(v for v in self.verdicts if any(place.question == name for place in v.contrast.places))

    def clear(self, *, confirmatory: bool | None = None) -> tuple[Verdict, ...]:
        """Returns the contrasts that are clear; of one family only, when asked."""
        return tuple(
            v for v in self.verdicts if v.status is Status.CLEAR and confirmatory in (None, v.contrast.confirmatory)
        )

    def priced(self, seconds_of_a_seed: float, costs: Mapping[str, Cost] | None = None) -> Verdicts:
        """Returns the verdicts with what more seeds cost, and what each contrast's arm cost.

        Args:
            seconds_of_a_seed: device-seconds of one more seed of every arm.
            costs: contrast name -> cost.
        """
        priced = tuple(
            replace(
                v,
                more_device_seconds=None if v.more_seeds is None else v.more_seeds * seconds_of_a_seed,
                cost=(costs or {}).get(v.contrast.name, v.cost),
            )
            for v in self.verdicts
        )
        return replace(self, verdicts=priced)

    def to_json(self) -> dict[str, Any]:
        """Returns everything as plain JSON data."""
        return {
            "metric": self.metric,
            "scale": self.scale,
            "level": self.level,
            "contrasts": [verdict.to_json() for verdict in self.verdicts],
            "means": {arm: vars(mean) for arm, mean in self.means.items()},
            "variance": {**vars(self.variance), "apart": list(self.variance.apart)},
            "best": None if self.best is None else {**vars(self.best), "candidates": list(self.best.candidates)},
            "notes": list(self.notes),
        }
