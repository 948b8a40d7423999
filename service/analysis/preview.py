"""What a study would cost and what the store already holds of it, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dit_core.gflops import count, training_gmacs
from search_spaces.study import Resources
from search_spaces.types import Arm, Expansion
from service.analysis.differing import differing
from service.analysis.hardware import hardware_notes
from service.analysis.numbers import compute as compute_text
from service.analysis.numbers import plural
from service.analysis.preview_text import plain_text
from service.analysis.standing import Standing, standing
from service.analysis.status import TrialState, TrialStatus, trial_statuses
from service.cost.estimate import Estimate, estimate
from service.cost.interval import Interval
from service.cost.remaining import Remaining, remaining
from service.cost.target import Target
from service.cost.to_come import proposals_left, to_come
from service.preflight import Prepared
from service.records.store import Store

if TYPE_CHECKING:
    from search_spaces.plan_import import ImportedPlan, NotUnderstood, Phrase, Question


@dataclass(frozen=True)
class ArmPreview:
    """One arm, with its cost.

    Attributes:
        name: the arm's name.
        is_baseline: whether it is the baseline.
        ablations: the ablations that asked for it.
        params: parameters of the network.
        gflops: the paper's Gflops: multiply-adds of one forward pass over one image, in 10^9.
        tokens: patches per image.
        weights_of: the arm whose weights it evaluates; None where it is trained for itself.
        training_gmacs: multiply-adds to train all its seeds to the budget (forward x 3), in 10^9; 0 where it only
            evaluates.
        held: what the store holds: evaluations at this study's milestones over all its seeds; None if unknown.
        wanted: evaluations a full run has (seeds x milestones).
        states: state of each seed's trial, in the order of the seeds; empty if unknown.
    """

    name: str
    is_baseline: bool
    ablations: tuple[str, ...]
    params: int
    gflops: float
    tokens: int
    weights_of: str | None
    training_gmacs: float
    held: int | None
    wanted: int
    states: tuple[TrialState, ...]


@dataclass(frozen=True)
class AblationPreview:
    """One ablation, with its arms.

    Attributes:
        name: as written.
        axis: axis name, or several for a grid.
        action: REPLACE, REMOVE, ADD, GRID or LADDER.
        arms: (value label, arm name) in order.
        adds: arms that no earlier ablation had.
        notes: sentences on how its words were understood.
        differs: sentences on arms that differ in more than what it asks.
    """

    name: str
    axis: str
    action: str
    arms: tuple[tuple[str, str], ...]
    adds: tuple[str, ...]
    notes: tuple[str, ...]
    differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """A study before it runs; ``print(preview)`` shows it, ``to_json()`` is for scripts.

    Attributes:
        study: the study's name.
        description: one line for people.
        profile: the baseline's profile.
        seeds: training seeds.
        budget_images: training images of a finished trial.
        rungs: images at which arms are compared before the budget.
        primary_metric: what arms are compared on.
        policy: name of the stopping policy.
        compare_at: what is equal where arms are compared at full length.
        ablations: the questions.
        arms: every distinct arm once, the baseline first.
        trials: arms times seeds.
        trainings: trials that are trained; the others evaluate the weights of one of them.
        evaluations: evaluations of all trials at every rung and at the budget.
        segments: segments that are left to run if no further arm is stopped; None when the store's content
            could not be looked up.
        training_gmacs: multiply-adds to train every trial to the budget, in 10^9, whatever the store holds.
        remaining_gmacs: what of that is left after what the store holds; None when unknown.
        estimate: device time, finishing time, room and memory, each with an interval.
        resources: what the study runs on, and what it may cost.
        understood: how each phrase of an imported plan was understood.
        not_understood: what was not, with the reason.
        questions: what of the plan has to be settled, with the readings it may have.
        guesses: readings of the plan that were taken although they are not certain.
        notes: everything else worth knowing.
        blocker: why ``run`` would refuse to start, or None when it would start.
        also: the studies that run with it: the tuning of its arms, or the best of its search with fresh seeds.
    """

    study: str
    description: str
    profile: str
    seeds: tuple[int, ...]
    budget_images: int
    rungs: tuple[int, ...]
    primary_metric: str
    policy: str
    compare_at: str
    ablations: tuple[AblationPreview, ...]
    arms: tuple[ArmPreview, ...]
    trials: int
    trainings: int
    evaluations: int
    segments: int | None
    training_gmacs: float
    remaining_gmacs: float | None
    estimate: Estimate
    resources: Resources
    understood: tuple[Phrase, ...] = ()
    not_understood: tuple[NotUnderstood, ...] = ()
    questions: tuple[Question, ...] = ()
    guesses: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
    blocker: str | None = None
    also: tuple[Preview, ...] = ()

    @property
    def ahead(self) -> Interval:
        """Device seconds that are to be run, of the studies that run with it, too."""
        return Interval.total(preview.estimate.ahead.total for preview in (self, *self.also))

    @property
    def ready(self) -> bool:
        """Whether ``run`` would start."""
        return self.blocker is None

    def arm(self, name: str) -> ArmPreview:
        """Returns the arm called ``name``."""
        return next(arm for arm in self.arms if arm.name == name)

    def to_json(self) -> dict[str, Any]:
        """Returns the preview as plain JSON data."""
        arms = [{**asdict(arm), "states": [str(state) for state in arm.states]} for arm in self.arms]
        data = {**asdict(self), "arms": arms, "ready": self.ready}
        also = [preview.to_json() for preview in self.also]
        return {**data, "resources": self.resources.model_dump(mode="json"), "also": also}

    def __str__(self) -> str:
        return plain_text(self)


def preview(
    expansion: Expansion,
    *,
    prepared: Prepared | None = None,
    store: Store | None = None,
    blocker: str | None = None,
    imported: ImportedPlan | None = None,
    notes: Iterable[str] = (),
    target: Target | None = None,
    also: tuple[Preview, ...] = (),
) -> Preview:
    """Works out what a study costs and what the store holds of it.

    Args:
        expansion: the study, spelled out.
        prepared: the same, checked and with identities; None when its data is not at hand.
        store: where to look for what is already there; None when there is no store yet.
        blocker: why the study cannot be prepared, if it cannot.
        imported: the written plan it comes from, if it comes from one.
        notes: further sentences to show.
        target: what the study will run on; this machine when None.
        also: the studies that run with it.
    """
    known = standing(prepared, store) if prepared is not None and store is not None else None
    if known is not None:
        prepared, expansion = known.prepared, known.prepared.expansion
    study = expansion.study
    proposing = known is None or bool(known.plan.questions)
    statuses = None if prepared is None else _statuses(known)
    held = None if prepared is None else _held(known)
    arms = [_arm(arm, expansion, statuses, held) for arm in expansion.arms]
    stops = known.stops if known is not None else ()
    results = known.results if known is not None else None
    differs = differing(expansion)
    segments, gmacs = _left(prepared, store, known) if prepared is not None else (None, None)
    return Preview(
        study=study.name,
        description=study.description,
        profile=study.baseline.profile,
        seeds=study.seeds,
        budget_images=study.budget_images,
        rungs=study.rungs,
        primary_metric=study.primary_metric,
        policy=study.policy.name,
        compare_at=study.compare_at,
        ablations=tuple(
            AblationPreview(view.name, view.axis, view.action, view.arms, view.adds, view.notes, differs[view.name])
            for view in expansion.ablations
        ),
        arms=tuple(arms),
        trials=len(expansion.trials),
        trainings=len(expansion.trials) - len(expansion.weights_of) * len(study.seeds),
        evaluations=len(expansion.trials) * len(study.milestones),
        segments=segments,
        training_gmacs=sum(arm.training_gmacs for arm in arms),
        remaining_gmacs=gmacs,
        estimate=estimate(
            expansion,
            prepared=prepared,
            store=store,
            results=results,
            stops=stops,
            target=target,
            proposing=proposing,
        ),
        resources=study.resources,
        understood=imported.understood if imported else (),
        not_understood=imported.not_understood if imported else (),
        questions=imported.questions if imported else (),
        guesses=imported.guesses if imported else (),
        notes=tuple(
            dict.fromkeys(
                (
                    *expansion.notes,
                    *(_still_to_propose(expansion) if proposing else ()),
                    *(prepared.notes if prepared else ()),
                    *((other.text for other in known.elsewhere) if known else ()),
                    *(imported.notes if imported else ()),
                    *hardware_notes(expansion, known.results if known else {}, store),
                    *notes,
                )
            )
        ),
        blocker=blocker,
        also=also,
    )


def _still_to_propose(expansion: Expansion) -> tuple[str, ...]:
    """What a search or a tuning is going to add to the arms that are listed."""
    study, left, coming = expansion.study, proposals_left(expansion), to_come(expansion)
    if not coming:
        return ()
    trainings = f"{plural(len(coming), 'training')} more, {compute_text(_gmacs(coming))}"
    if study.tune is not None:
        arms = sum(arm.name not in expansion.tuned for arm in expansion.asked)
        return (
            f"{plural(arms, 'tuned arm')} {'is' if arms == 1 else 'are'} not chosen yet, but counted in what is left, "
            f"at the cost of the arm as it is and to the budget: {trainings}.",
        )
    finals = study.search.finalists if study.search is not None else 0
    best = f", with the best {finals} on fresh seeds" if finals else ""
    return (
        f"{plural(left, 'arm')} of the search {'is' if left == 1 else 'are'} not proposed yet, but counted in what is "
        f"left, at the cost of the arm that each changes and to the budget{best}: {trainings}.",
    )


def _gmacs(work: Iterable[Remaining]) -> float:
    """Multiply-adds (10^9) of the training in some work."""
    found = 0.0
    for item in work:
        config = item.trial.arm.config
        found += training_gmacs(count(config.model, config.training.mask_ratio), item.images)
    return found


def _statuses(known: Standing | None) -> dict[str, TrialStatus]:
    if known is None:
        return {}
    statuses = trial_statuses(known.prepared.expansion.study, known.results, known.stops)
    return {status.trial.name: status for status in statuses}


def _held(known: Standing | None) -> dict[str, set[int]]:
    """Trial name -> this study's milestones that the store holds a complete evaluation of."""
    if known is None:
        return {}
    milestones = set(known.prepared.expansion.study.milestones)
    return {name: milestones & set(result.evaluations) for name, result in known.results.items()}


def _arm(
    arm: Arm,
    expansion: Expansion,
    statuses: dict[str, TrialStatus] | None,
    held: dict[str, set[int]] | None,
) -> ArmPreview:
    study, cost = expansion.study, count(arm.config.model, arm.config.training.mask_ratio)
    weights_of = expansion.weights_of.get(arm.name)
    trials = [trial.name for trial in expansion.trials_of[arm.name]]
    return ArmPreview(
        name=arm.name,
        is_baseline=arm.is_baseline,
        ablations=arm.ablations,
        params=cost.params,
        gflops=cost.gmacs,
        tokens=arm.config.model.num_tokens,
        weights_of=weights_of,
        training_gmacs=0.0 if weights_of else training_gmacs(cost, study.budget_images) * len(study.seeds),
        held=None if held is None else sum(len(held.get(name, ())) for name in trials),
        wanted=len(study.seeds) * len(study.milestones),
        states=tuple(statuses[name].state for name in trials if name in statuses) if statuses else (),
    )


def _left(prepared: Prepared, store: Store | None, known: Standing | None) -> tuple[int, float]:
    """Segments and multiply-adds (10^9) that are left if no further arm is stopped."""
    found = remaining(prepared, store, *((known.results, known.stops) if known is not None else (None,)))
    if known is None or known.plan.questions:
        found = (*found, *to_come(prepared.expansion))
    costs = {arm.name: count(arm.config.model, arm.config.training.mask_ratio) for arm in prepared.expansion.arms}
    trained = (training_gmacs(costs[item.trial.arm.name], item.images) for item in found)
    return sum(item.evaluations for item in found), sum(trained)
