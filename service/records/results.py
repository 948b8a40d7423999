"""What is known about a study's trials, read from the store: all that a policy, the status and the report see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dit_core.events import Diverged, MetricResult
from search_spaces.types import Expansion, Trial
from service.records.store import Store


@dataclass(frozen=True)
class TrialResult:
    """One trial's measurements so far.

    Attributes:
        trial: the trial.
        train_id: identity of its weights.
        evaluations: images seen -> metric name -> result; only complete ones (every metric asked for).
        diverged: where it diverged, if it did.
        failed: the last error, when its segment failed more often than is tried.
    """

    trial: Trial
    train_id: str
    evaluations: Mapping[int, Mapping[str, MetricResult]] = field(default_factory=dict)
    diverged: Diverged | None = None
    failed: str | None = None

    def ends(self, milestones: Sequence[int]) -> bool:
        """Whether nothing more can be known of it: it is measured everywhere, or diverged after all it has."""
        return all(
            images in self.evaluations or (self.diverged is not None and self.diverged.images <= images)
            for images in milestones
        )

    def value(self, metric: str, images: int) -> float | None:
        """Returns the metric at ``images``, or None when it has not been measured."""
        found = self.evaluations.get(images, {}).get(metric)
        return None if found is None else found.value


Results = Mapping[str, TrialResult]
"""Trial name -> what is known about it; every trial of the expansion has an entry."""


def collect(
    expansion: Expansion,
    store: Store,
    train_ids: Mapping[str, str],
    failed: Mapping[str, str] | None = None,
    known: Results | None = None,
) -> dict[str, TrialResult]:
    """Reads a study's results from the store.

    Args:
        expansion: the study.
        store: where the records are.
        train_ids: trial name -> ``train_id``.
        failed: trial name -> error, for trials this run has given up on.
        known: what was read before; a trial of which nothing more can come is not read again.
    """
    milestones, errors, before = expansion.study.milestones, failed or {}, known or {}
    found: dict[str, TrialResult] = {}
    for trial in expansion.trials:
        name, error = trial.name, errors.get(trial.name)
        old = before.get(name)
        if old is not None and old.trial.arm is trial.arm and old.ends(milestones):
            found[name] = old if old.failed == error else replace(old, failed=error)
        else:
            found[name] = collect_trial(trial, store, train_ids[name], milestones, error)
    return found


def collect_trial(
    trial: Trial, store: Store, train_id: str, milestones: Sequence[int], failed: str | None = None
) -> TrialResult:
    """Reads one trial's results from the store: as many records as it has milestones, whatever the study's size.

    Args:
        trial: the trial.
        store: where the records are.
        train_id: identity of its weights.
        milestones: the study's rungs and budget; nothing is looked for elsewhere.
        failed: the error, when this run has given up on it.
    """
    config = trial.arm.config  # the seed says nothing about how it is measured, and train_id has it
    found = store.evaluations(train_id, config, milestones)
    wanted = set(config.evaluation.metrics)
    return TrialResult(
        trial=trial,
        train_id=train_id,
        evaluations={images: metrics for images, metrics in found.items() if wanted <= set(metrics)},
        diverged=store.divergence(train_id),
        failed=failed,
    )
