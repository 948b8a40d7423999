"""What a study would cost and what the store already holds of it, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from dit_core.gflops import count, training_gmacs
from search_spaces.plan_import import ImportedPlan, NotUnderstood, Phrase
from search_spaces.types import Arm, Expansion
from service.analysis.disk import checkpoints_bytes
from service.analysis.hardware import hardware_notes
from service.analysis.preview_text import plain_text
from service.analysis.standing import Standing, standing
from service.analysis.status import TrialState, TrialStatus, trial_statuses
from service.policies.contract import unresolved
from service.preflight import Prepared
from service.records.checkpoint_keys import checkpoints
from service.records.store import Store


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
    """

    name: str
    axis: str
    action: str
    arms: tuple[tuple[str, str], ...]
    adds: tuple[str, ...]
    notes: tuple[str, ...]


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
        ablations: the questions.
        arms: every distinct arm once, the baseline first.
        trials: arms times seeds.
        trainings: trials that are trained; the others evaluate the weights of one of them.
        evaluations: evaluations of all trials at every rung and at the budget.
        segments: segments that are left to run if no further arm is stopped; None when the store's content
            could not be looked up.
        training_gmacs: multiply-adds to train every trial to the budget, in 10^9, whatever the store holds.
        remaining_gmacs: what of that is left after what the store holds; None when unknown.
        checkpoint_bytes: about how much room the checkpoints take at the end.
        understood: how each phrase of an imported plan was understood.
        not_understood: what was not, with the reason.
        notes: everything else worth knowing.
        blocker: why ``run`` would refuse to start, or None when it would start.
    """

    study: str
    description: str
    profile: str
    seeds: tuple[int, ...]
    budget_images: int
    rungs: tuple[int, ...]
    primary_metric: str
    policy: str
    ablations: tuple[AblationPreview, ...]
    arms: tuple[ArmPreview, ...]
    trials: int
    trainings: int
    evaluations: int
    segments: int | None
    training_gmacs: float
    remaining_gmacs: float | None
    checkpoint_bytes: int = 0
    understood: tuple[Phrase, ...] = ()
    not_understood: tuple[NotUnderstood, ...] = ()
    notes: tuple[str, ...] = ()
    blocker: str | None = None

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
        return {**asdict(self), "arms": arms, "ready": self.ready}

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
) -> Preview:
    """Works out what a study costs and what the store holds of it.

    Args:
        expansion: the study, spelled out.
        prepared: the same, checked and with identities; None when its data is not at hand.
        store: where to look for what is already there; None when there is no store yet.
        blocker: why the study cannot be prepared, if it cannot.
        imported: the written plan it comes from, if it comes from one.
        notes: further sentences to show.
    """
    known = standing(prepared, store) if prepared is not None and store is not None else None
    if known is not None:
        prepared, expansion = known.prepared, known.prepared.expansion
    study = expansion.study
    statuses = None if prepared is None else _statuses(known)
    held = None if prepared is None else _held(known)
    arms = [_arm(arm, expansion, statuses, held) for arm in expansion.arms]
    segments, remaining = None, None
    if prepared is not None:
        segments, remaining = _left(prepared, store, known)
    return Preview(
        study=study.name,
        description=study.description,
        profile=study.baseline.profile,
        seeds=study.seeds,
        budget_images=study.budget_images,
        rungs=study.rungs,
        primary_metric=study.primary_metric,
        policy=study.policy.name,
        ablations=tuple(
            AblationPreview(view.name, view.axis, view.action, view.arms, view.adds, view.notes)
            for view in expansion.ablations
        ),
        arms=tuple(arms),
        trials=len(expansion.trials),
        trainings=len(expansion.trials) - len(expansion.weights_of) * len(study.seeds),
        evaluations=len(expansion.trials) * len(study.milestones),
        segments=segments,
        training_gmacs=sum(arm.training_gmacs for arm in arms),
        remaining_gmacs=remaining,
        checkpoint_bytes=checkpoints_bytes(expansion),
        understood=imported.understood if imported else (),
        not_understood=imported.not_understood if imported else (),
        notes=tuple(
            dict.fromkeys(
                (
                    *expansion.notes,
                    *(prepared.notes if prepared else ()),
                    *((other.text for other in known.elsewhere) if known else ()),
                    *(imported.notes if imported else ()),
                    *hardware_notes(expansion, known.results if known else {}, store),
                    *notes,
                )
            )
        ),
        blocker=blocker,
    )


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
    study = prepared.expansion.study
    ends = {stop.arm: stop.images for stop in known.stops} if known is not None else {}
    ends.pop(prepared.expansion.baseline.name, None)
    segments = 0
    training: dict[str, float] = {}  # by the weights, which several trials may share
    for trial in prepared.expansion.trials:
        end = ends.get(trial.arm.name, study.budget_images)  # a stopped arm's new seeds run up to its look
        result = known.results[trial.name] if known is not None else None
        missing = [
            images for images in study.milestones if images <= end and (result is None or unresolved(result, images))
        ]
        if not missing:
            continue
        segments += len(missing)
        identity = prepared.train_ids[trial.name]
        cost = count(trial.config.model, trial.config.training.mask_ratio)
        needed = training_gmacs(cost, _untrained(store, identity, missing))
        training[identity] = max(needed, training.get(identity, 0.0))
    return segments, sum(training.values())


def _untrained(store: Store | None, train_id: str, milestones: list[int]) -> int:
    """Images to train for measurements at ``milestones``: to each from the last checkpoint before it."""
    made = {0, *(item.images for item in checkpoints(store.records, train_id))} if store is not None else {0}
    starts = made.union(milestones)
    return sum(images - max(mark for mark in starts if mark < images) for images in milestones if images not in made)
