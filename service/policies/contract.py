"""What passes between a policy and whoever follows it: looks, plans, and how results are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dit_core.identity import digest
from search_spaces.types import Arm, Expansion, Trial
from service.records.decisions import Decision, check_name
from service.records.proposals import Batch, Question
from service.records.results import Results, TrialResult

Decisions = Mapping[str, Decision]
"""Look -> what was decided there."""

Proposals = Mapping[str, Batch]
"""Question -> its answer. The arms of the answers are in the expansion."""


@dataclass(frozen=True)
class Look:
    """A point at which arms are compared.

    Attributes:
        name: unique within a study; names the record of the decision.
        images: training images seen.
        awaits_baseline: whether the baseline's trials must be measured there, too, before it is decided.
    """

    name: str
    images: int
    awaits_baseline: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)


@dataclass(frozen=True)
class Plan:
    """What a policy wants.

    Attributes:
        wanted: (trial, images) of evaluations worth having that the store does not hold yet, most urgent
            first. Work that must wait for a decision or an answer is not in it.
        decisions: decisions that can be made now and are not recorded yet. What follows from them is in the
            plan that is made once they are.
        questions: new arms that are asked for and were not proposed yet.
    """

    wanted: tuple[tuple[Trial, int], ...]
    decisions: tuple[Decision, ...] = ()
    questions: tuple[Question, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the study wants nothing more."""
        return not (self.wanted or self.decisions or self.questions)


def unresolved(result: TrialResult, images: int) -> bool:
    """Whether a measurement at ``images`` is missing and can still be had.

    It cannot when the trial diverged at or before that point, or was given up.
    """
    if images in result.evaluations or result.failed is not None:
        return False
    return result.diverged is None or result.diverged.images > images


def seen(look: Look, arms: tuple[Arm, ...], expansion: Expansion, results: Results) -> str:
    """Returns a digest of what a look is decided from: the primary metric of every trial of ``arms`` there.

    The baseline's are in it where the look awaits them. Every value is written as text, exactly; a trial that has
    none is ``diverged`` or ``given up``.
    """
    metric = expansion.study.primary_metric

    def told(result: TrialResult) -> str:
        value = result.value(metric, look.images)
        if value is not None:
            return repr(value)
        return "diverged" if result.diverged is not None and result.diverged.images <= look.images else "given up"

    names = [arm.name for arm in (expansion.baseline, *arms)] if look.awaits_baseline else [arm.name for arm in arms]
    values = {trial.name: told(results[trial.name]) for name in names for trial in expansion.trials_of[name]}
    return digest({"look": look.name, "metric": metric, "values": values})
