"""What a stopping policy is expected to leave of a study's device time."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import numpy as np

from search_spaces.types import Expansion
from service.cost.amount import amount
from service.cost.interval import Interval
from service.cost.rates import Rates
from service.cost.remaining import Remaining, all_of
from service.policies import create
from service.records.results import Results
from service.simulation.replay import replay
from service.simulation.sources import GRID, WORLDS

_DRAWS, _REPLAYED = 4, 600
"""Studies that are drawn from each kind of generated curves, and trials in all of them; one study at least."""
_MOST_TRIALS = 1000
"""Of a larger study only the bounds are said that hold whatever the results are: replaying it takes too long."""


def expected_share(expansion: Expansion, rates: Mapping[str, Rates]) -> Interval | None:
    """Returns the share of the device time of all trials at full length that the study's policy is expected to take.

    The study is replayed through its policy on generated curves of the worlds that policies are judged on, see
    ``service.simulation``; what trials and evaluations take is weighed by the arms' rates. The draws are always the
    same ones.

    Args:
        expansion: the study.
        rates: arm -> how fast it is.

    Returns:
        The mean, between the tenth and the ninetieth percentile of the replayed studies; None for a policy that stops
        nothing in any of them, and for a study of very many trials.
    """
    if expansion.study.policy.name == "none" or len(expansion.trials) > _MOST_TRIALS or len(expansion.arms) < 2:
        return None
    policy = create(expansion.study.policy)
    whole = amount(all_of(expansion), rates, 1).total.middle
    shares = []
    for world, name in enumerate(GRID):
        for draw in range(max(1, min(_DRAWS, _REPLAYED // len(expansion.trials)))):
            curves = WORLDS[name].curves(expansion, np.random.default_rng([world, draw]))
            done = _done(expansion, replay(policy, expansion, curves).results)
            shares.append(amount(done, rates, 1).total.middle / whole)
    if min(shares) >= 1.0:
        return None
    tenths = statistics.quantiles(shares, n=10)
    mean = statistics.fmean(shares)
    return Interval(min(mean, max(0.0, tenths[0])), mean, max(mean, min(1.0, tenths[-1])))


def _done(expansion: Expansion, results: Results) -> list[Remaining]:
    """What was trained and evaluated in a replay; of trials that share their weights one has the training."""
    last: dict[str, int] = {}
    for name, result in results.items():
        trial = expansion.trial(name)
        weights = f"{expansion.weights_of.get(trial.arm.name, trial.arm.name)} {trial.seed}"
        reached = max(result.evaluations, default=0)
        if result.diverged is not None:
            reached = max(reached, result.diverged.images)
        last[weights] = max(reached, last.get(weights, 0))
    found = []
    for name, result in results.items():
        trial = expansion.trial(name)
        own = trial.arm.name not in expansion.weights_of
        found.append(Remaining(trial, last[f"{trial.arm.name} {trial.seed}"] if own else 0, len(result.evaluations)))
    return found
