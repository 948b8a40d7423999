"""Stopping for futility: an arm ends early once it can hardly become the best of its ablation or beat the baseline."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection
from typing import ClassVar

from pydantic import Field

from dit_core.metrics.direction import cost
from search_spaces.study import Real, Whole
from search_spaces.types import Arm, Expansion
from service.policies.audit import AuditOptions
from service.policies.base import Policy
from service.policies.best_arm import chances
from service.policies.contract import Look
from service.policies.effects import diverged_mostly, measured
from service.policies.outlook import Outlook, outlook
from service.policies.questions import AblationArms, ablations_of, without_use
from service.records.decisions import Stop
from service.records.results import Results


class Futility(Policy):
    """Ends an arm at a rung only where continuing it is futile.

    Every rung is a look. There the end of every arm is forecast (``forecast.forecast``) from the additive fit of arms
    and seeds, so on paired differences, with the noise pooled over all arms, on the logarithm of the metric where it
    has one sign. How well a rung foretells the end is assumed at first and learned from how arms move between rungs.
    In every ablation those arms are futile that

    - together have at most the chance ``risk``, shared equally between the looks, of holding the ablation's best arm
      beside the baseline,
    - each have at most the chance ``beats_baseline`` of ending ahead of the baseline, and
    - are worse than the baseline there, on average and on most of the seeds that both have;

    but never the leader of the ablation, so that every question gets one answer at full length at least
    (``finish_one``; without it the leader may be the baseline). An arm that several ablations share ends only if it is
    futile in each. Arms that give each other their meaning go together
    (``AblationView.partners``): a control ends with the arms it stands beside; a ladder's step only together with every
    later step; a grid loses whole rows of cells, so that a full grid remains.

    Nothing is claimed: looks decide futility and spend no significance. No single trial decides: a seed that diverged
    or was given up is missing, and its arm is compared on the others; an arm of which most seeds diverged ends. Where
    the baseline has no value, or an arm no seed in common with it, nothing is decided about them.

    ``risk`` is the forecast's, which is cautious: it knows neither that leaders are kept nor, at the first rung, how
    well this study's rungs foretell. ``docs/stopping.md`` has the measured rates.
    """

    name: ClassVar[str] = "futility"
    version: ClassVar[int] = 2
    comparison: ClassVar[str] = (
        "arms compared with the baseline and within their ablation on paired differences, at equal images seen, once "
        "every arm had got there, and ended only where they could hardly become the best of it"
    )

    class Options(AuditOptions):
        """How much risk is taken, and from when on.

        Attributes:
            risk: chance, by the forecast, that an ablation's best arm beside the baseline is ended, over all looks.
            beats_baseline: an arm whose chance of ending ahead of the baseline is above this continues.
            correlation: of arms' true effects at a quarter of the budget with those at the end, as assumed until the
                study's own rungs tell more.
            finish_one: whether the leader among an ablation's arms beside the baseline always goes on. Where not, the
                baseline counts as one of the ablation's arms, and all the others may end.
            grace_images: rungs below this many images only measure; no arm is stopped there.
        """

        risk: Real = Field(0.2, gt=0, lt=1)
        beats_baseline: Real = Field(0.3, gt=0, le=1)
        correlation: Real = Field(0.75, gt=0, lt=1)
        finish_one: bool = True
        grace_images: Whole = Field(0, ge=0)

    options: Options

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns the rungs from ``grace_images`` on; each awaits the baseline."""
        rungs = expansion.study.rungs
        return tuple(Look(str(rung), rung, True) for rung in rungs if rung >= self.options.grace_images)

    def decide(
        self, look: Look, arms: tuple[Arm, ...], expansion: Expansion, results: Results
    ) -> tuple[tuple[str, ...], tuple[Stop, ...]]:
        """Forecasts where the arms end and stops those that are futile."""
        names = [arm.name for arm in arms]
        values = measured(expansion, results, look.images, names)
        lost = {arm for arm in names if diverged_mostly(expansion, results, look.images, arm)}
        compared = tuple(arm for arm in names if arm in values or arm in lost)
        known = outlook(look.images, expansion, results, self.options.correlation)
        ablations = ablations_of(expansion)
        risk = self.options.risk / len(self.looks(expansion))
        chance: dict[str, dict[str, float]] = {}
        futile: dict[str, set[str]] = {}
        for ablation in ablations:
            chance[ablation.name] = self._chances(ablation, names, known)
            futile[ablation.name] = lost.union(self._futile(chance[ablation.name], known, risk))
        metric = expansion.study.primary_metric
        means = {
            arm: math.inf if arm in lost else cost(metric, statistics.fmean(values[arm].values())) for arm in compared
        }
        order = sorted(compared, key=lambda arm: (arm in lost, cost(metric, means[arm])))
        ended = without_use(ablations, futile)
        return compared, tuple(
            Stop(
                arm=arm,
                images=look.images,
                value=means[arm],
                rank=order.index(arm) + 1,
                compared=len(compared),
                reason=f"{arm}: {_why(arm, lost, known, ablations, chance)}, at {look.images:,} images",
            )
            for arm in compared
            if arm in ended
        )

    def _chances(self, ablation: AblationArms, names: Collection[str], known: Outlook | None) -> dict[str, float]:
        """The chance of each arm of an ablation that is still there to end as its best."""
        if known is None:
            return {}
        running = [arm for arm in ablation.candidates if arm in names and arm in known.ends]
        competing = running if self.options.finish_one or not running else [known.baseline, *running]
        return chances({arm: known.ends[arm] for arm in competing})

    def _futile(self, chance: dict[str, float], known: Outlook | None, risk: float) -> Collection[str]:
        """The candidates of one ablation that need not go on, given their chances of being its best."""
        if known is None or not chance:
            return ()
        leader = min(chance, key=lambda arm: known.ends[arm].mean)
        found, spent = [], 0.0
        for arm in sorted(chance, key=chance.__getitem__):
            if (
                arm in (leader, known.baseline)
                or not known.behind(arm)
                or known.ahead(arm) > self.options.beats_baseline
            ):
                continue
            spent += chance[arm]
            if spent > risk:
                break
            found.append(arm)
        return found


def _why(
    arm: str,
    lost: Collection[str],
    known: Outlook | None,
    ablations: Collection[AblationArms],
    chance: dict[str, dict[str, float]],
) -> str:
    """Says why an arm ends."""
    if arm in lost:
        return "most of its seeds have diverged"
    own = {ablation.name: chance[ablation.name][arm] for ablation in ablations if arm in chance[ablation.name]}
    if known is None or not own:
        return "the arms it is read together with end"
    best = max(own.values())
    of = f" of {' and '.join(filter(None, own))}" if any(own) else ""
    return (
        f"behind the baseline, with a chance of {best:.1%} of becoming the best{of} and of {known.ahead(arm):.1%} of "
        "ending ahead of the baseline"
    )
