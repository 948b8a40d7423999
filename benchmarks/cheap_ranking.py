"""Does the demo's cheap setting order the arms as the full one does? Kendall's tau of 20 against 50 sampling steps.

    python benchmarks/cheap_ranking.py examples/plans/dit-ablations.md --store demo-store

A trial's weights do not depend on how it is sampled, so that a store in which the plan was run to the end is measured
again and trains nothing: minutes on 2 cores. The first seed is the one that the cheap setting may be chosen on; the
others confirm it.
"""

from __future__ import annotations

import argparse

import checkout  # noqa: F401 (before everything that imports the project)
import pandas as pd
from scipy.stats import kendalltau

from service.client import Client


def finals(client: Client, plan: str, steps: int, executor: str) -> pd.DataFrame:
    """Measures every trial at its end, in images sampled in ``steps``; returns arms by seeds."""
    settings = {"sampling_steps": steps, "policy": "none", "name": f"ranking-{steps}-steps"}
    result = client.run(plan, executor=executor, rungs=(), settings=settings)
    return result.trials.pivot(index="arm", columns="seed", values="metric")


def tau(a: pd.Series, b: pd.Series) -> str:
    """Returns Kendall's tau of two orders of arms, and how many pairs of arms change places."""
    both = pd.concat([a, b], axis=1).dropna()
    value = kendalltau(both.iloc[:, 0], both.iloc[:, 1]).statistic
    pairs = len(both) * (len(both) - 1) // 2
    return f"tau {value:.2f} ({round(pairs * (1 - value) / 2)} of {pairs} pairs change places)"


def main() -> None:
    """Measures both and prints how they agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan")
    parser.add_argument("--store", required=True)
    parser.add_argument("--steps", type=int, nargs=2, default=(20, 50), help="the cheap and the full setting")
    parser.add_argument("--executor", choices=("ray", "local"), default="local")
    options = parser.parse_args()
    client = Client(store=options.store)
    cheap, full = (finals(client, options.plan, steps, options.executor) for steps in options.steps)
    few, many = (f"{steps} steps" for steps in options.steps)
    means = pd.DataFrame({few: cheap.mean(axis=1), many: full.mean(axis=1)})
    print(means.sort_values(many).round(2).to_string())
    for seed in cheap.columns:
        print(f"seed {seed}: {tau(cheap[seed], full[seed])}")
    print(f"means over {len(cheap.columns)} seeds: {tau(means[few], means[many])}")
    print(f"lowest: {means[few].idxmin()} in {few}, {means[many].idxmin()} in {many}")


if __name__ == "__main__":
    main()
