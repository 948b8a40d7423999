"""The sample grid of a trial, for agents that can look at pictures."""

from __future__ import annotations

from dit_core.errors import UserError, nearest
from service.analysis.standing import standing
from service.plugins import use_recorded
from service.records.store import Store
from service.restored import restore


def newest_grid(store: Store, study: str, arm: str, seed: int) -> bytes:
    """Returns the sample grid (PNG) of a trial's last evaluation.

    Raises:
        UserError: there is no such study, arm or seed, or no grid of it yet.
    """
    use_recorded(store, study)
    prepared, _ = restore(store, study)
    known = standing(prepared, store)
    expansion = known.prepared.expansion
    arms = [found.name for found in expansion.arms]
    if arm not in arms:
        guess = nearest(arm, arms)
        hint = f"; did you mean {guess!r}?" if guess else ""
        raise UserError(f"arm: {study} has none called {arm!r:.100}; allowed: {', '.join(arms)}{hint}")
    trial = next((trial for trial in expansion.trials_of[arm] if trial.seed == seed), None)
    if trial is None:
        raise UserError(f"seed: {study} has no seed {seed}; allowed: {', '.join(map(str, expansion.study.seeds))}")
    evaluations = known.results[trial.name].evaluations
    for images in sorted(evaluations, reverse=True):
        if (grid := store.grid(evaluations[images])) is not None:
            return grid
    raise UserError(f"arm: {arm} with seed {seed} has no sample grid yet")
