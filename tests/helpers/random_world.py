"""Small studies with random effects whose measurements are written down, not trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from finished_study import OVERRIDES, PATCHES, begin, measure, tiny_study

from service.preflight import Prepared
from service.records.store import Store

RATES = {"name": "Rate", "axis": "learning_rate", "values": [1e-3, 2e-3, 4e-3]}
CONTROLLED = {"name": "MLP", "axis": "mlp_ratio", "values": [8], "controls": "iso-gflops"}
WIDE = {"profile": "digits", "overrides": {**OVERRIDES, "model.depth": 3, "model.hidden_size": 24}}
LADDER = [{"name": "flow", "set": {"objective": "flow"}}, {"name": "swiglu", "set": {"mlp": "swiglu"}}]


def world(folder: Path, draw: int) -> tuple[Prepared, Store]:
    """A study with random effects; some trials are missing, sometimes an arm, sometimes all seeds but one."""
    rng = np.random.default_rng(draw)
    seeds = list(range([1, 2, 3, 5][draw % 4]))
    margin = [None, 0.2][draw // 2 % 2]
    study = tiny_study(
        f"world-{draw}", ablations=[PATCHES, RATES, CONTROLLED], ladder=LADDER, baseline=WIDE, policy="none",
        seeds=seeds, rungs=[], equivalence_margin=margin,
    )  # fmt: skip
    store = Store(folder / f"world-{draw}")
    prepared = begin(study, store)
    values = {}
    for arm in prepared.expansion.arms:
        effect = rng.choice([0.0, 0.0, 0.6, -0.6])
        gone = rng.random() < 0.1 and not arm.is_baseline
        for seed in seeds:
            if not gone and rng.random() > 0.05:
                values[arm.name, seed] = float(20 * np.exp(effect + rng.normal(0, 0.05)))
    measure(store, prepared, values)
    return prepared, store
