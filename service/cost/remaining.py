"""What is left to run of every trial, from what the store holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search_spaces.types import Expansion, Trial
from service.policies.contract import unresolved
from service.preflight import Prepared
from service.records.checkpoint_keys import checkpoints
from service.records.decisions import Stop
from service.records.results import Results
from service.records.store import Store


@dataclass(frozen=True)
class Remaining:
    """What is left of one trial.

    Attributes:
        trial: the trial.
        images: training images; of trials that share their weights, only the one that needs most has any.
        evaluations: measurements.
    """

    trial: Trial
    images: int
    evaluations: int


def all_of(expansion: Expansion) -> tuple[Remaining, ...]:
    """Returns what every trial takes from nothing to the budget."""
    study, shared = expansion.study, expansion.weights_of
    return tuple(
        Remaining(trial, 0 if trial.arm.name in shared else study.budget_images, len(study.milestones))
        for trial in expansion.trials
    )


def remaining(
    prepared: Prepared,
    store: Store | None,
    results: Results | None,
    stops: Sequence[Stop] = (),
    early: int | None = None,
) -> tuple[Remaining, ...]:
    """Returns what is left of every trial that lacks something, if no further arm is stopped.

    Args:
        prepared: the study.
        store: where its checkpoints are; None when there is none yet.
        results: what is known of its trials; None for nothing.
        stops: the arms that were stopped; their new seeds run up to there. What was only settled, or is audited, goes
            on to the budget.
        early: images at which all other arms but the baseline are taken to be stopped; None for the budget.
    """
    stopped = {stop.arm: stop for stop in stops}
    study = prepared.expansion.study
    found: list[tuple[Trial, int, int]] = []
    most: dict[str, int] = {}  # by the weights, which several trials may share
    for trial in prepared.expansion.trials:
        stop = None if trial.arm.is_baseline else stopped.get(trial.arm.name)
        if stop is not None and stop.seeds and trial.seed not in stop.seeds:
            continue  # settled without this seed
        end = study.budget_images if early is None or trial.arm.is_baseline or stop is not None else early
        end = stop.images if stop is not None and stop.ends_early else end
        result = results[trial.name] if results is not None else None
        missing = [
            images for images in study.milestones if images <= end and (result is None or unresolved(result, images))
        ]
        if not missing:
            continue
        identity = prepared.train_ids[trial.name]
        images = untrained(store, identity, missing)
        most[identity] = max(images, most.get(identity, 0))
        found.append((trial, images, len(missing)))
    return tuple(_once(found, prepared, most))


def untrained(store: Store | None, train_id: str, milestones: list[int]) -> int:
    """Images to train for measurements at ``milestones``: to each from the last checkpoint before it."""
    made = {0, *(item.images for item in checkpoints(store.records, train_id))} if store is not None else {0}
    starts = made.union(milestones)
    return sum(images - max(mark for mark in starts if mark < images) for images in milestones if images not in made)


def _once(found: list[tuple[Trial, int, int]], prepared: Prepared, most: dict[str, int]) -> Iterator[Remaining]:
    """Books a training that several trials share on the first that needs all of it."""
    for trial, images, evaluations in found:
        identity = prepared.train_ids[trial.name]
        mine = most.pop(identity) if most.get(identity) == images else 0
        yield Remaining(trial, mine, evaluations)
