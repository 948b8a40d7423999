"""What a study expands to: arms, trials, and which ablation asked for which arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Proposal:
    """An arm that is asked for while a study runs.

    Attributes:
        set: axis names (``objective: flow``) or dotted config fields (``training.beta2: 0.95``), on top of the
            baseline.
        name: what the arm is called; empty calls it by how it differs from the baseline.
        reason: one sentence on why it was proposed, for people.
    """

    set: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    reason: str = ""


@dataclass(frozen=True)
class AblationView:
    """One ablation of a study, resolved to arms.

    Attributes:
        name: as written, e.g. ``Patch Size Ablation``.
        axis: canonical axis name, or several joined by ``, `` for a grid; ``cumulative`` for a ladder, ``proposed``
            for proposals.
        action: ``REPLACE``, ``REMOVE`` or ``ADD`` (``GRID`` for a grid, ``LADDER`` for a ladder, ``PROPOSE`` for
            proposals).
        arms: (value label, arm name) in order. The baseline is always among them: at its place where its value was
            asked for, else first (labelled ``baseline`` where it has none of the axis's values). Controls come last.
        adds: names of the arms no earlier ablation (nor the baseline) had.
        notes: sentences on how the words were understood.
    """

    name: str
    axis: str
    action: str
    arms: tuple[tuple[str, str], ...]
    adds: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expansion:
    """A study, spelled out. What is worked out from it is worked out once and kept.

    Attributes:
        study: the study.
        arms: every distinct arm once: the baseline first, arms that were proposed while it ran last.
        ablations: how each ablation maps onto arms.
        notes: sentences that concern the whole study.
    """

    study: Study
    arms: tuple[Arm, ...]
    ablations: tuple[AblationView, ...]
    notes: tuple[str, ...] = ()

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

    @cached_property
    def _arms(self) -> Mapping[str, Arm]:
        return {arm.name: arm for arm in self.arms}

    @cached_property
    def _trials(self) -> Mapping[str, Trial]:
        return {trial.name: trial for trial in self.trials}
