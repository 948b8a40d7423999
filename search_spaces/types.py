"""What a study expands to: arms, trials, and which ablation asked for which arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dit_core.config import TrialConfig
from dit_core.identity import train_id

if TYPE_CHECKING:
    from search_spaces.study import Study


@dataclass(frozen=True)
class Arm:
    """One distinct configuration, without its seed.

    Attributes:
        name: unique and readable: ``baseline`` or the delta, e.g. ``patch_size=4`` or ``block=adaln,size=S``; an arm
            that only a ladder asked for is called by its step, e.g. ``ladder 3: SwiGLU``.
        config: the full configuration (seed 0; trials set theirs).
        delta: axis name -> value where the arm differs from the baseline (a dotted field where no axis covers it);
            empty for the baseline.
        ablations: names of the ablations that asked for it, in study order.
        is_baseline: whether it is the baseline.
    """

    name: str
    config: TrialConfig
    delta: dict[str, Any]
    ablations: tuple[str, ...]
    is_baseline: bool = False


@dataclass(frozen=True)
class Trial:
    """One arm with one seed.

    Attributes:
        arm: the arm.
        seed: the seed.
    """

    arm: Arm
    seed: int

    @cached_property
    def name(self) -> str:
        """Unique within a study, e.g. ``patch_size=4 seed=0``."""
        return f"{self.arm.name} seed={self.seed}"

    @property
    def config(self) -> TrialConfig:
        """The complete configuration of this trial."""
        return self.arm.config.with_seed(self.seed)


@dataclass(frozen=True)
class Candidate:
    """Values that were tried for an arm, and what came of them.

    Attributes:
        values: axis or dotted field -> value.
        measured: seed -> the primary metric; seeds that were given up are left out.
        lost: whether it diverged with any seed, or could not run.
        own: whether they are what the arm has without being tuned.
    """

    values: Mapping[str, Any]
    measured: Mapping[int, float] = field(default_factory=dict)
    lost: bool = False
    own: bool = False


@dataclass(frozen=True)
class Proposal:
    """An arm that is asked for while a study runs.

    Attributes:
        set: axis names (``objective: flow``) or dotted config fields (``training.beta2: 0.95``), on top of ``arm``.
        name: what the arm is called; empty calls it by how it differs from the baseline.
        reason: one sentence on why it was proposed, for people.
        question: the name of the question that it answers; empty where nobody has said.
        arm: the study's arm that it changes; empty for the baseline.
        chosen_from: what it was chosen from; empty where it was not chosen.
    """

    set: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    reason: str = ""
    question: str = ""
    arm: str = ""
    chosen_from: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Tuned:
    """What an arm has got by tuning.

    Attributes:
        arm: the arm as the study has it.
        name: the arm with the values that were chosen for it; the same one where its own were best.
        values: axis or dotted field -> what was chosen; empty where its own were best.
        chosen_from: its candidates, its own values first.
    """

    arm: str
    name: str
    values: Mapping[str, Any]
    chosen_from: tuple[Candidate, ...]


@dataclass(frozen=True)
class AblationView:
    """One ablation of a study, resolved to arms.

    Attributes:
        name: as written, e.g. ``Patch Size Ablation``.
        axis: canonical axis name, or several joined by ``, `` for a grid; ``cumulative`` for a ladder, ``proposed``
            for proposals.
        action: ``REPLACE``, ``REMOVE`` or ``ADD``; ``GRID``, ``FACTORIAL`` (a grid whose effects are asked for),
            ``ZIP``, ``LEAVE-ONE-OUT`` or ``NESTED`` for a design; ``LADDER``, and ``PROPOSE`` for proposals.
        arms: (value label, arm name) in order. The baseline is always among them: at its place where its value was
            asked for, else first (labelled ``baseline`` where it has none of the axis's values). Controls come last.
        adds: names of the arms no earlier ablation (nor the baseline) had.
        notes: sentences on how the words were understood.
        partners: arm -> groups of arms that give it its use: for a control the arms it stands beside, for a ladder's
            step itself and the later steps, which build on it, for a cell of a grid every row of cells that it is in
            (one for each axis). It has lost its use once all arms of one of the groups have. Arms that stand for
            themselves are not in it.
        controls: the arms that are here only as controls of others.
        beside: label -> the label whose arm it is compared with instead of the baseline.
        asks: label -> what its comparison is about, axes or dotted fields, where that is not ``axis``.
        cells: of a factorial, arm -> the labels of its values, in the order of the axes; "" where it has no such axis.
        asked_by: of proposals, arm -> the name of the question that first asked for it.
        around: of proposals that change another arm than the baseline, label -> that arm.
        tuned_from: of a question that is asked again of tuned arms, the name of that question.
        reference: of such a question, the tuned baseline.
        references: of a factorial whose effects are asked for, the label per axis that they are measured from.
    """

    name: str
    axis: str
    action: str
    arms: tuple[tuple[str, str], ...]
    adds: tuple[str, ...]
    notes: tuple[str, ...] = ()
    partners: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    controls: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
    asks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cells: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    asked_by: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[str, str] = field(default_factory=dict)
    tuned_from: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Expansion:
    """A study, spelled out. What is worked out from it is worked out once and kept.

    Attributes:
        study: the study.
        arms: every distinct arm once: the baseline first, arms that were proposed while it ran last.
        ablations: how each ablation maps onto arms.
        notes: sentences that concern the whole study.
        tuned: what arms have got by tuning, as far as it was chosen, by the arm as the study has it.
    """

    study: Study
    arms: tuple[Arm, ...]
    ablations: tuple[AblationView, ...]
    notes: tuple[str, ...] = ()
    tuned: Mapping[str, Tuned] = field(default_factory=dict)

    @property
    def baseline(self) -> Arm:
        """The arm every other arm is compared with."""
        return self.arms[0]

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Arms times seeds, seed by seed so that every arm meets seed 0 first."""
        return tuple(Trial(arm, seed) for seed in self.study.seeds for arm in self.arms)

    @cached_property
    def trials_of(self) -> Mapping[str, tuple[Trial, ...]]:
        """Arm name -> its trials, in the order of the seeds."""
        found: dict[str, list[Trial]] = {arm.name: [] for arm in self.arms}
        for trial in self.trials:
            found[trial.arm.name].append(trial)
        return {name: tuple(trials) for name, trials in found.items()}

    @cached_property
    def asked(self) -> tuple[Arm, ...]:
        """The arms that the study itself asks for, without what was proposed or tuned: the baseline first."""
        added = {arm for view in self.ablations if view.action in ("PROPOSE", "TUNE") for arm in view.adds}
        return tuple(arm for arm in self.arms if arm.name not in added)

    @cached_property
    def varied(self) -> tuple[str, ...]:
        """Every axis, or dotted field, in which some arm differs from the baseline."""
        return tuple(dict.fromkeys(name for arm in self.arms for name in arm.delta))

    def with_views(self, ablations: tuple[AblationView, ...]) -> Expansion:
        """Returns the same arms under other questions; what follows from the arms alone is not worked out again."""
        found = replace(self, ablations=ablations)
        vars(found).update(weights_of=self.weights_of, trials_of=self.trials_of)
        return found

    @cached_property
    def weights_of(self) -> Mapping[str, str]:
        """Arm name -> the earlier arm whose weights it evaluates: they differ in nothing that training sees.

        Arms that are trained for themselves are not in it.
        """
        first: dict[str, str] = {}
        shared = {}
        for arm in self.arms:
            data, start = arm.config.data.model_dump_json(), arm.config.training.initial_weights  # neither need be here
            trained = first.setdefault(train_id(arm.config, data, start), arm.name)
            if trained != arm.name:
                shared[arm.name] = trained
        return shared

    def arm(self, name: str) -> Arm:
        """Returns the arm called ``name``."""
        return self._arms[name]

    def trial(self, name: str) -> Trial:
        """Returns the trial called ``name``."""
        return self._trials[name]

    def ablation(self, name: str) -> AblationView:
        """Returns the ablation called ``name``."""
        return self._ablations[name]

    @cached_property
    def _ablations(self) -> Mapping[str, AblationView]:
        return {view.name: view for view in self.ablations}

    @cached_property
    def _arms(self) -> Mapping[str, Arm]:
        return {arm.name: arm for arm in self.arms}

    @cached_property
    def _trials(self) -> Mapping[str, Trial]:
        return {trial.name: trial for trial in self.trials}
