"""How many trials searches need to find a learning rate whose optimum is known, beside random search.

    python benchmarks/search.py [--repetitions 20] [--trials 32] [--algorithms random,tpe,ray:hyperopt]

The objective is synthetic: ten times the squared distance of log10(learning rate) to that of the optimum, with seed
noise of 0.02, over five decades. The optimum differs from repetition to repetition, and all algorithms get the same
ones. A search has found it once a proposal lies within 15 % of it. Printed are the trials that this took: the median
over the repetitions, the mean (a search that has not found it counts as all its trials), and in how many repetitions
fewer were taken than by random search. Nothing trains.
"""

from __future__ import annotations

import argparse
import logging
import math
import statistics
import time
import warnings

import checkout  # noqa: F401 (before everything that imports the project)
import numpy as np

from search_spaces.search_space import SearchSpec
from service.search.history import Generation, Told
from service.search.samplers import sampler_of

LOW, HIGH = 1e-6, 1e-1
NEAR = math.log10(1.15)


def trials_taken(algorithm: str, trials: int, generation: int, draw: int) -> int:
    """Returns after how many proposals a search has found the optimum; one more than it has where it never does."""
    generator = np.random.default_rng(draw)
    optimum = generator.uniform(math.log10(LOW) + 0.5, math.log10(HIGH) - 0.5)
    search = SearchSpec(
        values={"learning_rate": {"loguniform": [LOW, HIGH]}},
        trials=trials,
        algorithm=algorithm,
        generation=generation,
        draw=draw,
    )
    told: list[Generation] = []
    count = 0
    while count < trials:
        rows = []
        for values in sampler_of(search).propose(told, min(generation, trials - count)):
            count += 1
            distance = math.log10(values["learning_rate"]) - optimum
            if abs(distance) <= NEAR:
                return count
            rows.append(Told(values, (10 * distance**2 + 0.02 * float(generator.standard_normal()),)))
        told.append(tuple(rows))
    return trials + 1


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--generation", type=int, default=4)
    parser.add_argument("--algorithms", default="random,qmc,tpe,ray:hyperopt,ray:optuna")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print(f"{'algorithm':14} {'median':>7} {'mean':>6} {'found':>6} {'fewer than random':>18} {'seconds':>8}")
    random: list[int] = []
    for algorithm in given.algorithms.split(","):
        began = time.monotonic()
        taken = [trials_taken(algorithm, given.trials, given.generation, draw) for draw in range(given.repetitions)]
        random = random or taken
        found = sum(count <= given.trials for count in taken)
        fewer = sum(own < other for own, other in zip(taken, random, strict=True))
        print(
            f"{algorithm:14} {statistics.median(taken):7.1f} {statistics.mean(taken):6.1f} {found:6} {fewer:18} "
            f"{time.monotonic() - began:8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
