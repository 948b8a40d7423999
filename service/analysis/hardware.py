"""Sentences for arms of one study that were computed in ways whose rounding differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from search_spaces.types import Expansion
from service.records.kinds import Hardware
from service.records.measurements import StoredMetric
from service.records.results import Results
from service.records.store import Store

_SETTINGS = ("precision", "tf32", "compile")
_NAMED = 6
"""Arms that a sentence names before it only counts."""


def hardware_notes(expansion: Expansion, results: Results, store: Store | None) -> tuple[str, ...]:
    """Returns a sentence for everything in which arms that are compared differ although no axis asked for it.

    Args:
        expansion: the study.
        results: what the store holds of it; nothing before the first run.
        store: where the curves are; None when there is none.
    """
    trials: dict[str, list[str]] = {}
    for trial in expansion.trials:
        if trial.name in results:
            trials.setdefault(trial.arm.name, []).append(trial.name)
    used = {arm: _used(results, store, names) for arm, names in trials.items()}
    devices = {arm: {hardware.device for hardware in found} for arm, found in used.items()}
    versions = {arm: {f"torch {hardware.torch}" for hardware in found} for arm, found in used.items()}
    notes = [
        _note("Arms were computed on different kinds of device", devices),
        _note("Arms were computed with different versions of PyTorch", versions),
    ]
    for setting in _SETTINGS:
        values = {arm.name: {str(getattr(arm.config.training, setting))} for arm in expansion.arms}
        notes.append(_note(f"Arms differ in training.{setting}", values))
    return tuple(note for note in notes if note is not None)


def _used(results: Results, store: Store | None, trials: Iterable[str]) -> set[Hardware]:
    """All that an arm's trials were trained and evaluated on, where it was recorded."""
    found: set[Hardware | None] = set()
    for name in trials:
        for metrics in results[name].evaluations.values():
            found |= {metric.hardware for metric in metrics.values() if isinstance(metric, StoredMetric)}
        if store is not None:
            found |= {stretch.hardware for stretch in store.spans(results[name].train_id)}
    return {hardware for hardware in found if hardware is not None}


def _note(what: str, values: Mapping[str, set[str]]) -> str | None:
    """Says which arms have which value; None when there is one value in all."""
    arms: dict[str, list[str]] = {}
    for arm, own in values.items():
        for value in sorted(own):
            arms.setdefault(value, []).append(arm)
    if len(arms) < 2:
        return None
    listed = "; ".join(f"{value} ({_listing(names)})" for value, names in arms.items())
    return f"{what}: {listed}. Rounding differs between them, and small differences between arms may come from that."


def _listing(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
