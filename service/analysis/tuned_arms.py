"""What every arm has got by tuning: what was chosen, whether that lies at an edge, and whether an optimum moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from dit_core.metrics import direction
from search_spaces.types import Candidate, Tuned
from service.analysis.moved_optimum import like, moved_p
from service.analysis.summary import Summary
from service.tuning.candidates import best, mean_of

LEVEL = 0.05
"""A moved optimum is called one below this p."""


@dataclass(frozen=True)
class Moved:
    """An arm whose best values are others than the baseline's.

    Attributes:
        values: axis -> (the arm's, the baseline's), where they differ.
        mean: the arm's mean at the short rung with its own best values.
        shared: the same with the baseline's best values; None where the arm was not measured with them.
        better_seeds: at how many of the tuning seeds its own are better; None where that is not known.
        seeds: the tuning seeds that both were measured with.
        p: of a test that it moves, corrected for all arms and pairs of values; None where it cannot be tested.
    """

    values: Mapping[str, tuple[Any, Any]]
    mean: float
    shared: float | None = None
    better_seeds: int | None = None
    seeds: int = 0
    p: float | None = None

    @property
    def clear(self) -> bool:
        """Whether the noise of the tuning seeds does not explain it."""
        return self.p is not None and self.p <= LEVEL


@dataclass(frozen=True)
class Choice:
    """What an arm has got by tuning.

    Attributes:
        tuned: the arm as the study has it, and what was chosen from what.
        own: its own values, as far as they are tuned.
        chosen: the values that it has got.
        before: its mean at the short rung with its own values; None where that was not measured.
        after: the same with the values that it has got.
        edges: the axes whose chosen value lies at an end of its range.
        moved: how its optimum differs from the baseline's; None where it does not, and for the baseline itself.
    """

    tuned: Tuned
    own: Mapping[str, Any]
    chosen: Mapping[str, Any]
    before: float | None
    after: float | None
    edges: tuple[str, ...]
    moved: Moved | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain JSON data."""
        candidates = [{**asdict(candidate), "mean": mean_of(candidate)} for candidate in self.tuned.chosen_from]
        return {
            "arm": self.tuned.arm,
            "tuned_arm": self.tuned.name,
            "own": dict(self.own),
            "chosen": dict(self.chosen),
            "before": self.before,
            "after": self.after,
            "at_edge": list(self.edges),
            "moved": None if self.moved is None else asdict(self.moved),
            "candidates": candidates,
        }


def choices(summary: Summary) -> tuple[Choice, ...]:
    """Returns what was chosen for every arm, in the study's order; nothing before the baseline has got its values."""
    expansion, metric = summary.expansion, summary.study.primary_metric
    tuned = expansion.tuned
    if summary.study.tune is None or expansion.baseline.name not in tuned:
        return ()
    baseline = tuned[expansion.baseline.name]
    reference = _best(baseline, metric)
    return tuple(
        _choice(tuned[arm.name], baseline, None if arm.is_baseline else reference, summary)
        for arm in expansion.asked
        if arm.name in tuned and tuned[arm.name].chosen_from
    )


def _choice(tuned: Tuned, baseline: Tuned, reference: Candidate | None, summary: Summary) -> Choice:
    tune, metric = summary.study.tune, summary.study.primary_metric
    assert tune is not None
    own, found = tuned.chosen_from[0], _best(tuned, metric)
    chosen = own if found is None else found
    edges = [name for name, domain in tune.values.items() if not chosen.own and domain.at_edge(chosen.values[name])]
    moved = None if reference is None or found is None else _moved(tuned, found, reference, metric)
    if moved is not None and reference is not None and found is not None:
        p = moved_p(tuned, found, baseline, reference, tuple(summary.expansion.tuned.values()))
        moved = replace(moved, p=p)
    return Choice(tuned, own.values, chosen.values, mean_of(own), mean_of(chosen), tuple(edges), moved)


def _best(tuned: Tuned, metric: str) -> Candidate | None:
    place = best(tuned.chosen_from, metric)
    return None if place is None else tuned.chosen_from[place]


def _moved(tuned: Tuned, found: Candidate, reference: Candidate, metric: str) -> Moved | None:
    differ = {
        name: (value, reference.values[name]) for name, value in found.values.items() if value != reference.values[name]
    }
    mean = mean_of(found)
    if not differ or mean is None:
        return None
    other = like(tuned, reference)
    if other is None or (shared := mean_of(other)) is None:
        return Moved(differ, mean)
    seeds = [seed for seed in found.measured if seed in other.measured]
    better = sum(
        direction.cost(metric, found.measured[seed]) < direction.cost(metric, other.measured[seed]) for seed in seeds
    )
    return Moved(differ, mean, shared, better, len(seeds))
