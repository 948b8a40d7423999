"""Measures whether the statistics keep their promises, on simulated studies: what ``docs/statistics.md`` prints.

    python benchmarks/calibration.py                   # every table, about ten minutes on one core
    python benchmarks/calibration.py --studies 200 error power

Studies have a baseline and 11 arms, a seed effect of half a standard deviation, and seeds of the simulation that no
test uses. Where a table has other methods beside ours: ``paired t, Bonferroni`` compares each arm with the baseline by
itself; ``Dunnett, one-way`` is ``scipy.stats.dunnett``, which does not know of seeds. With statsmodels installed,
``peer`` compares estimates, standard errors and uncorrected p values with its least squares.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import checkout  # noqa: F401 (before everything that imports service)
import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from simulated import against, values

from service.statistics.best import best
from service.statistics.judge import judge
from service.statistics.model import fit
from service.statistics.power import detectable_effect
from service.statistics.simultaneous import family
from service.statistics.verdict import Status

ARMS = 12
Drawn = dict[str, dict[int, float]]


def main() -> None:
    """Prints the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES], help="which tables; all when none is named")
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies per figure")
    parser.add_argument("--seed", type=int, default=1_000_000, help="first seed of the simulation")
    given = parser.parse_args()
    for name in given.tables or TABLES:
        TABLES[name](given.studies, given.seed)


def p_values(drawn: Drawn) -> list[float]:
    """Corrected p of every arm against the baseline; 1 where there is none."""
    asked = [{arm: 1.0, "a0": -1.0} for arm in drawn if arm != "a0"]
    found = family(fit(drawn), asked)
    return [1.0 if (p := found.p(index)) is None else p for index in range(len(asked))]


def paired(drawn: Drawn) -> list[float]:
    """The same by a paired t test for each arm, with Bonferroni's correction; every arm has every seed."""
    logs = np.log([list(own.values()) for own in drawn.values()])
    differences = logs[1:] - logs[0]
    n = differences.shape[1]
    t = differences.mean(axis=1) / (differences.std(axis=1, ddof=1) / math.sqrt(n))
    return [float(p) for p in np.minimum(1.0, 2 * stats.t.sf(np.abs(t), n - 1) * len(t))]


def one_way(drawn: Drawn) -> list[float]:
    """The same by Dunnett's test, which takes the seeds for noise."""
    logs = [np.log(list(own.values())) for own in drawn.values()]
    return [float(p) for p in stats.dunnett(*logs[1:], control=logs[0], rng=np.random.default_rng(0)).pvalue]


@dataclass(frozen=True)
class World:
    """Simulated studies of one kind.

    Attributes:
        studies: how many.
        seed: the seed of the first.
        effects: true means of the arms that differ, the last ones.
        options: of ``values``.
    """

    studies: int
    seed: int
    effects: tuple[float, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def study(self, number: int, seeds: int) -> Drawn:
        """Draws one study."""
        means = [0.0] * (ARMS - len(self.effects)) + list(self.effects)
        return values(np.random.default_rng(self.seed + number), means, seeds, **self.options)

    def share(self, seeds: int, true: Callable[[Drawn], bool]) -> float:
        """The share of studies that something is true of."""
        return sum(true(self.study(number, seeds)) for number in range(self.studies)) / self.studies

    def shares(self, sizes: Sequence[int], true: Callable[[Drawn], bool], decimals: int = 3) -> list[str]:
        """The same for several numbers of seeds, as cells of a table."""
        return [f"{self.share(seeds, true):.{decimals}f}" for seeds in sizes]


def error(studies: int, seed: int) -> None:
    """Family-wise error: identical arms."""
    kinds: dict[str, dict[str, Any]] = {
        "normal errors": {},
        "t errors, 4 df": {"heavy": True},
        "no seed effect": {"seed_sd": 0.0},
        "a fifth of the values missing": {"missing": 0.2},
        "one arm varies 3 times as much": {"sd": [1.0] * (ARMS - 1) + [3.0]},
        "the baseline varies 3 times as much": {"sd": [3.0] + [1.0] * (ARMS - 1)},
        "every other arm varies twice as much": {"sd": [1.0, 2.0] * (ARMS // 2)},
    }
    sizes = (2, 3, 4, 5, 6, 8)
    title("Any of 11 identical arms is named (nominal .05)", ["", *(f"n = {n}" for n in sizes)])
    for name, options in kinds.items():
        drawn = studies // 4 if "missing" in options else studies  # every study is a design of its own
        row(name, World(drawn, seed, options=options).shares(sizes, lambda drawn: min(p_values(drawn)) <= 0.05))
    uncorrected = 0.05 * (ARMS - 1)
    row("paired t, uncorrected", World(studies, seed).shares(sizes, lambda drawn: min(paired(drawn)) <= uncorrected))


def coverage(studies: int, seed: int) -> None:
    """Coverage of all simultaneous intervals together, and of the best arm's."""
    sizes = (2, 3, 5, 8)
    title("Coverage (nominal .95)", ["", *(f"n = {n}" for n in sizes)])
    truth = tuple(np.linspace(0.0, 3.0, ARMS))
    row("all 11 intervals together", World(studies, seed, truth).shares(sizes, lambda drawn: _holds(drawn, truth)))
    row("the best arm's mean, of equal arms", World(studies, seed).shares(sizes, _best_holds))
    row("the same by its own t interval", World(studies, seed).shares(sizes, _plain_holds))


def _holds(drawn: Drawn, truth: Sequence[float]) -> bool:
    asked = [{f"a{arm}": 1.0, "a0": -1.0} for arm in range(1, ARMS)]
    found = family(fit(drawn), asked)
    for index, estimate in enumerate(found.joint.estimates):
        critical = found.critical(index)
        assert estimate is not None and estimate.standard_error is not None and critical is not None
        if abs(estimate.difference - truth[index + 1]) > critical * estimate.standard_error:
            return False
    return True


def _best_holds(drawn: Drawn) -> bool:
    found = best(fit(drawn), higher=False, level=0.05)
    assert found is not None and found.low is not None and found.high is not None
    return found.low <= 1.0 <= found.high


def _plain_holds(drawn: Drawn) -> bool:
    logs = min((np.log(list(own.values())) for own in drawn.values()), key=np.mean)
    low, high = stats.t.interval(0.95, len(logs) - 1, loc=np.mean(logs), scale=stats.sem(logs))
    return bool(low <= 0.0 <= high)


def power(studies: int, seed: int) -> None:
    """Power for one arm that differs, among 11."""
    sizes = (2, 3, 4, 5, 6, 8)
    title("One of 11 arms differs: it is found", ["", *(f"n = {n}" for n in sizes)])
    for effect in (1.0, 2.0, 3.0, 4.0):
        for name, method in METHODS.items():
            world = World(max(10, studies // 10) if name == "Dunnett, one-way" else studies, seed, (effect,))
            row(f"{effect:g} sd, {name}", world.shares(sizes, partial(_finds_the_last, method), 2))


def _finds_the_last(method: Callable[[Drawn], list[float]], drawn: Drawn) -> bool:
    return method(drawn)[-1] <= 0.05


METHODS: dict[str, Callable[[Drawn], list[float]]] = {
    "ours": p_values,
    "paired t, Bonferroni": paired,
    "Dunnett, one-way": one_way,
}


def stated(studies: int, seed: int) -> None:
    """What the report states of its own test: the smallest difference, and the seeds that settle."""
    sizes = (2, 3, 5, 8)
    title("What the report states of its own test", ["", *(f"n = {n}" for n in sizes)])
    found, settled, advised = [], [], []
    asked = [{f"a{arm}": 1.0, "a0": -1.0} for arm in range(1, ARMS)]
    for n in sizes:
        tested = family(fit(World(1, seed).study(0, n)), asked)
        own = tested.joint.estimates[0]
        assert own is not None
        critical = tested.critical(0)
        assert critical is not None
        effect = detectable_effect(critical, (ARMS - 1) * (n - 1)) * math.sqrt(2 / n)
        found += World(studies, seed, (effect,)).shares([n], partial(_finds_the_last, p_values), 2)
        median, done, of = _settled(max(50, studies // 20), seed, n)
        settled.append(f"{done} of {of}")
        advised.append(f"{median:.0f}")
    row("power at the smallest difference (.80 stated)", found)
    row("an arm 2 sd away, undecided at first: settled after the seeds that were advised", settled)
    row("seeds that were advised, median", advised)


def _settled(studies: int, seed: int, n: int) -> tuple[float, int, int]:
    """Adds the advised seeds: (median advice, studies that were settled then, studies that were undecided at first)."""
    advice, done = [], 0
    for number in range(studies):
        drawn = World(studies, seed, (2.0,)).study(number, n + 60)
        first = {arm: {s: v for s, v in own.items() if s < n} for arm, own in drawn.items()}
        verdict = judge(fit(first), against(list(first)), metric="", higher=False).verdicts[-1]
        if verdict.status is not Status.UNDECIDED or verdict.more_seeds is None or verdict.more_seeds > 60:
            continue
        advice.append(verdict.more_seeds)
        later = {arm: {s: v for s, v in own.items() if s < n + verdict.more_seeds} for arm, own in drawn.items()}
        done += p_values(later)[-1] <= 0.05
    return float(np.median(advice)) if advice else math.nan, done, len(advice)


def equivalence(studies: int, seed: int) -> None:
    """Equivalence with a margin of 5 %, where one measurement varies by 2 %."""
    title("Margin 5 %, sd 2 %: an arm is called equivalent", ["", *(f"n = {n}" for n in (2, 3, 5, 8))])
    for true in (0.0, 0.02, 0.05):
        world = World(max(100, studies // 10), seed, (math.log1p(true),), {"sd": 0.02})
        row(f"true difference {100 * true:g} %", world.shares((2, 3, 5, 8), _called_equivalent, 2))


def _called_equivalent(drawn: Drawn) -> bool:
    judged = judge(fit(drawn), against(list(drawn)), metric="", higher=False, margin=0.05)
    return judged.verdicts[-1].status is Status.EQUIVALENT


def peer(studies: int, seed: int) -> None:
    """Compares with statsmodels' ordinary least squares, values missing at random."""
    try:
        import statsmodels.api as sm
    except ImportError:
        print("\nstatsmodels is not installed: no comparison.")
        return
    worst = 0.0
    for number in range(min(studies, 200)):
        drawn = values(np.random.default_rng(seed + number), [0.0] * 6, 4, missing=0.2)
        model = fit(drawn)
        if model.variances.apart:
            continue
        arms, seeds = np.eye(6)[model.design.arm_of], np.eye(4)[model.design.seed_of]
        design = np.hstack([np.ones((len(model.y), 1)), arms[:, 1:], seeds[:, 1:]])
        result = sm.OLS(model.y, design).fit()
        for arm in range(1, 6):
            own = model.contrast({f"a{arm}": 1.0, "a0": -1.0})
            if own is None or own.standard_error is None:
                continue
            p = 2 * stats.t.sf(abs(own.difference / own.standard_error), own.df)
            pairs = (
                (own.difference, result.params[arm]),
                (own.standard_error, result.bse[arm]),
                (p, result.pvalues[arm]),
            )
            worst = max(worst, *(abs(ours - theirs) for ours, theirs in pairs))
    print(f"\nstatsmodels' least squares: largest difference in estimate, standard error or p: {worst:.1e}")


def title(text: str, columns: Sequence[str]) -> None:
    """Prints the head of a Markdown table."""
    print(f"\n{text}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def row(name: str, cells: Sequence[str]) -> None:
    """Prints a row of it."""
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


TABLES: dict[str, Callable[[int, int], None]] = {
    "error": error,
    "coverage": coverage,
    "power": power,
    "stated": stated,
    "equivalence": equivalence,
    "peer": peer,
}

if __name__ == "__main__":
    main()
