"""What a study will take: device time, finishing time, disk and memory, before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_spaces.types import Expansion
from service.analysis.disk import checkpoint_bytes, checkpoints_bytes
from service.cost.amount import Amount, amount, trainings
from service.cost.analytic import analytic_rates
from service.cost.arm_rates import arm_rates
from service.cost.devices import CARDS, H100, Device
from service.cost.fitting import too_large
from service.cost.interval import Interval
from service.cost.lanes import finishing_time
from service.cost.limits import Limit, limit_of
from service.cost.memory import peak_memory
from service.cost.policy_share import expected_share
from service.cost.rates import ANALYTIC, SOURCES, Rates
from service.cost.remaining import Remaining, all_of, remaining
from service.cost.resolution import smallest_difference
from service.cost.target import Target
from service.cost.to_come import to_come
from service.policies import create
from service.preflight import Prepared
from service.records.decisions import Stop
from service.records.results import Results
from service.records.store import Store

_RECORDS = 100_000
"""Bytes of an evaluation's sample grid and records, about."""


@dataclass(frozen=True)
class OnCard:
    """What a study would take on a card that is named.

    Attributes:
        card: the card.
        whole: device seconds of every trial to the budget.
        too_large: which arms may not fit into its memory, as part of a sentence; empty where all do.
    """

    card: str
    whole: Amount
    too_large: str


@dataclass(frozen=True)
class Estimate:
    """What a study will take.

    Every time is without the start of lanes, checkpoints and records, which are a few percent. Arms that are still to
    be proposed count as much as the arms that they change.

    Attributes:
        device: what a worker computes on.
        assumed: whether nobody knows that, so that a card was assumed.
        rates: arm -> how fast it is, and who says so.
        whole: every trial to the budget from nothing, whatever the store holds.
        left: what of that the store lacks if no further arm is stopped; None where its content is not known.
        baseline: device seconds of what is left of the baseline alone; None where that is not known.
        least: device seconds of what is left if the policy stopped every other arm at its first look.
        expected: device seconds of what is left as the policy is expected to leave it; None where nothing says so.
        lanes: lanes that the finishing time is for; None where nobody knows how many there will be.
        finish: seconds of wall-clock for what is left (for the whole where that is not known).
        disk: bytes in the store when the study is done; at most, while it runs.
        memory: bytes of a worker at its peak, of the arm that takes most.
        cards: the same study on cards that are named; empty without GPUs.
        too_large: which arms may not fit into the memory of the cards that are here; empty where all do, or none are.
        limit: what the study may cost at most; None for anything.
        resolution: a sentence on the smallest difference that these seeds can resolve; None where nothing says so.
    """

    device: str
    assumed: bool
    rates: Mapping[str, Rates]
    whole: Amount
    left: Amount | None
    baseline: Interval | None
    least: Interval | None
    expected: Interval | None
    lanes: int | None
    finish: Interval | None
    disk: Interval
    memory: Interval
    cards: tuple[OnCard, ...] = ()
    too_large: str = ""
    limit: Limit | None = None
    resolution: str | None = None

    @property
    def ahead(self) -> Amount:
        """What is to be run: what is left, or everything where that is not known."""
        return self.whole if self.left is None else self.left

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the arms' rates come from, the best first."""
        found = {rates.source for rates in self.rates.values()}
        return tuple(source for source in SOURCES if source in found)

    @property
    def is_analytic(self) -> bool:
        """Whether nothing behind it was ever measured."""
        return self.sources == (ANALYTIC,)


def estimate(
    expansion: Expansion,
    *,
    prepared: Prepared | None = None,
    store: Store | None = None,
    results: Results | None = None,
    stops: Sequence[Stop] = (),
    target: Target | None = None,
    proposing: bool = True,
) -> Estimate:
    """Works out what a study will take.

    Args:
        expansion: the study.
        prepared: the same, checked; None when its data is not at hand, so that what is left is not known.
        store: where its records are; None when there is no store yet.
        results: what is known of its trials; None for nothing.
        stops: the arms that were stopped.
        target: what it will run on; this machine when None.
        proposing: whether more arms may be proposed, see ``to_come``.
    """
    study = expansion.study
    target = target or Target.here(study.resources)
    device = target.assumed
    rates = arm_rates(expansion, target, device or H100, store, results)
    workers = study.resources.workers
    coming = to_come(expansion) if proposing else ()
    left, baseline, least, jobs = None, None, None, None
    first_look = _first_look(expansion)
    if prepared is not None:
        found = remaining(prepared, store, results, stops)
        left, jobs = amount((*found, *coming), rates, workers), trainings(found, rates, prepared.train_ids)
        baseline = amount((item for item in found if item.trial.arm.is_baseline), rates, workers).total
        if first_look is not None:
            least_work = (
                *remaining(prepared, store, results, stops, first_look),
                *(to_come(expansion, first_look) if proposing else ()),
            )
            least = amount(least_work, rates, workers).total
    share = expected_share(expansion, rates)
    whole = all_of(expansion)
    if jobs is None:
        names = {trial.name: f"{expansion.weights_of.get(trial.arm.name, trial.arm.name)} {trial.seed}"
                 for trial in expansion.trials}  # fmt: skip
        jobs = trainings(whole, rates, names)
    jobs += [rates[item.trial.arm.name].spent(item.images, item.evaluations) for item in coming]
    memory = [_memory(rates[arm.name], peak_memory(arm.config, workers)) for arm in expansion.arms]
    return Estimate(
        device=target.device or (H100 if device is None else device).name,
        assumed=device is None and not target.device,
        rates=rates,
        whole=amount((*whole, *coming), rates, workers),
        left=left,
        baseline=baseline,
        least=least,
        expected=None if share is None or left is None else left.total.times(share),
        resolution=smallest_difference(expansion),
        lanes=target.lanes,
        finish=None if target.lanes is None else _finish(jobs, target.lanes),
        disk=_disk(expansion, target.lanes or 1, coming),
        memory=max(memory, key=lambda item: item.middle),
        cards=tuple(_on_card(expansion, card, target, memory) for card in CARDS) if target.on_gpu else (),
        too_large=too_large(expansion.arms, memory, target.memory, workers) if target.memory else "",
        limit=limit_of(study.resources),
    )


def _finish(jobs: list[Interval], lanes: int) -> Interval:
    low, middle, high = (
        finishing_time((getattr(job, bound) for job in jobs), lanes) for bound in ("low", "middle", "high")
    )
    return Interval(min(low, middle), middle, max(middle, high))


def _first_look(expansion: Expansion) -> int | None:
    looks = [look.images for look in create(expansion.study.policy).looks(expansion)]
    return min((images for images in looks if images < expansion.study.budget_images), default=None)


def _memory(rates: Rates, thought: Interval) -> Interval:
    measured = rates.memory
    return thought if measured is None else Interval(0.9 * measured, measured, 1.2 * measured)


def _disk(expansion: Expansion, lanes: int, coming: Sequence[Remaining]) -> Interval:
    kept = checkpoints_bytes(expansion) + sum(checkpoint_bytes(item.trial.arm.config) for item in coming)
    records = _RECORDS * (len(expansion.trials) + len(coming)) * len(expansion.study.milestones)
    underway = lanes * max(checkpoint_bytes(arm.config) for arm in expansion.arms)
    return Interval(kept, kept + records, kept + 2 * records + underway)


def _on_card(expansion: Expansion, card: Device, target: Target, memory: list[Interval]) -> OnCard:
    workers = target.resources.workers
    rates = {arm.name: analytic_rates(arm.config, card, workers) for arm in expansion.arms}
    whole = amount(all_of(expansion), rates, workers)
    large = "" if card.memory is None else too_large(expansion.arms, memory, card.memory, workers)
    return OnCard(card.name, whole, large)
