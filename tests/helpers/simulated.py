"""Simulated studies: arms and seeds with known truth, for tests and benchmarks of the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from service.statistics.contrast import Contrast, Kind, Place


def values(
    rng: np.random.Generator,
    effects: Sequence[float],
    seeds: int,
    *,
    sd: float | Sequence[float] = 1.0,
    seed_sd: float = 0.5,
    missing: float = 0.0,
    heavy: bool = False,
) -> dict[str, dict[int, float]]:
    """Draws one study: ``exp(effect + seed + error)``, so that the model's scale is the logarithm.

    Args:
        rng: where the numbers come from.
        effects: true mean logarithm of each arm; the first is the baseline ``a0``.
        seeds: seeds of every arm.
        sd: standard deviation of the errors, one for all arms or one each.
        seed_sd: standard deviation of what a seed does to all arms alike.
        missing: share of the values that are left out; the baseline keeps all.
        heavy: errors of Student's t with 4 degrees of freedom, of the same standard deviation.
    """
    spread = np.broadcast_to(np.asarray(sd, dtype=float), (len(effects),))
    shape = (len(effects), seeds)
    errors = rng.standard_t(4, shape) / np.sqrt(2.0) if heavy else rng.standard_normal(shape)
    logs = np.asarray(effects)[:, None] + seed_sd * rng.standard_normal(seeds) + spread[:, None] * errors
    kept = rng.random(shape) >= missing
    kept[0] = True
    return {
        f"a{arm}": {seed: float(np.exp(logs[arm, seed])) for seed in range(seeds) if kept[arm, seed]}
        for arm in range(len(effects))
    }


def against(arms: Sequence[str], baseline: str = "a0", confirmatory: Sequence[str] | None = None) -> list[Contrast]:
    """Returns every arm against the baseline."""
    return [
        contrast({arm: 1.0, baseline: -1.0}, confirmatory=confirmatory is None or arm in confirmatory)
        for arm in arms
        if arm != baseline
    ]


def contrast(weights: Mapping[str, float], *, confirmatory: bool = True) -> Contrast:
    """Returns a contrast by its weights, the first of which is the arm that is spoken of."""
    arms = tuple(weights)
    return Contrast(
        arms[0], arms[1:], tuple(weights.items()), (Place(Kind.ARM, "Question", arms[0]),), confirmatory=confirmatory
    )
