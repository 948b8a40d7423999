"""Generated worlds: curves with a known truth, from noise, seeds' effects and how well rungs foretell the end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from search_spaces.types import Expansion
from service.policies.forecast import FRACTION
from service.simulation.curves import Curves


@dataclass(frozen=True)
class World:
    """How curves are generated. All effects are in the logarithm of the metric.

    An arm's true effect is a stationary Gaussian process in the logarithm of the images seen; a measurement adds the
    effect of its seed, the noise of its trial and the noise of the evaluation.

    Attributes:
        spread: standard deviation between arms' true effects, at any point.
        correlation: of true effects at a quarter of the budget with those at the end.
        noise: standard deviation of one measurement about its arm's and its seed's effects.
        memory: share of the noise's variance that belongs to the trial and is the same at all of its milestones.
        seed_effect: standard deviation of what all arms share with a seed.
        advantage: how much better the baseline's final effect is than the arms' mean, in spreads.
        crossing: chance that the order of an ablation's arms is reversed at the first rung, and comes right only
            towards the end: curves that are made to deceive.
        divergence: chance that a trial diverges, anywhere on its way.
    """

    spread: float = 0.3
    correlation: float = 0.8
    noise: float = 0.15
    memory: float = 0.5
    seed_effect: float = 0.1
    advantage: float = 0.0
    crossing: float = 0.0
    divergence: float = 0.0

    def curves(self, expansion: Expansion, generator: np.random.Generator) -> Curves:
        """Draws the curves of one study."""
        study = expansion.study
        times = np.log(np.array(study.milestones) / study.budget_images)
        arms = [arm.name for arm in expansion.arms]
        effects = self._effects(len(arms), times, generator)
        effects[0] -= self.advantage * self.spread
        self._cross(expansion, effects, times, generator)
        seeds = {seed: self.seed_effect * generator.standard_normal() for seed in study.seeds}
        level = math.log(10.0) - 0.3 * times  # what all arms learn alike
        values, diverged = {}, {}
        for row, arm in enumerate(arms):
            for seed in study.seeds:
                own = math.sqrt(self.memory) * generator.standard_normal()
                passing = math.sqrt(1 - self.memory) * generator.standard_normal(len(times))
                logs = level + effects[row] + seeds[seed] + self.noise * (own + passing)
                values[arm, seed] = dict(zip(study.milestones, map(float, np.exp(logs)), strict=True))
                if generator.random() < self.divergence:
                    diverged[arm, seed] = int(study.budget_images * generator.random()) + 1
        return Curves(values, dict(zip(arms, map(float, effects[:, -1]), strict=True)), diverged)

    def _effects(self, arms: int, times: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        rate = -math.log(self.correlation) / math.log(FRACTION)
        effects = np.empty((arms, len(times)))
        effects[:, 0] = generator.standard_normal(arms)
        for point in range(1, len(times)):
            kept = math.exp(-rate * (times[point] - times[point - 1]))
            fresh = generator.standard_normal(arms)
            effects[:, point] = kept * effects[:, point - 1] + math.sqrt(1 - kept**2) * fresh
        return self.spread * effects

    def _cross(
        self, expansion: Expansion, effects: np.ndarray, times: np.ndarray, generator: np.random.Generator
    ) -> None:
        """Reverses the order of some ablations at the first rung; it comes right in a straight line."""
        if not self.crossing or len(times) < 2:
            return
        place = {arm.name: row for row, arm in enumerate(expansion.arms)}
        way = (times - times[0]) / (times[-1] - times[0])
        for view in expansion.ablations:
            if generator.random() < self.crossing:
                for arm in dict.fromkeys(name for _, name in view.arms if name != expansion.baseline.name):
                    final = effects[place[arm], -1]
                    effects[place[arm]] = final * (2 * way - 1)
