"""Of a study with very many arms, what the report shows: some arms of every question, and how the others lie.

A table of a thousand rows, or a figure of a thousand lines, shows nothing, and takes minutes to draw. Nothing is
computed from fewer arms: verdicts, corrections, means and totals are those of the whole study, and ``verdicts.json``
beside the report has every comparison.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dit_core.metrics.direction import cost
from search_spaces.types import AblationView
from service.analysis.numbers import MetricFormat, plural
from service.analysis.summary import ArmSummary, Summary

MOST_ARMS = 60
"""A study of up to so many arms is shown whole."""
SHOWN = 12
"""Arms of one question that are shown of a larger study, its baseline beside them."""
DRAWN = 6
"""Arms of one question whose curves and samples are drawn of a larger study: so many colours can be told apart."""
NAMED = 12
"""Arms that are named among the points of a larger study, the baseline beside them."""
MOST_LINES = 40
"""Lines of a list that are shown."""


@dataclass(frozen=True)
class Abridged:
    """What is shown of a study.

    Attributes:
        whole: the study.
        summary: the study with the arms that are shown; its verdicts are those of all.
        others: the arms that are not shown.
        told: question -> a sentence on what is not shown of it; questions that are shown whole are not in it.
        drawn: the study with the arms whose curves and samples are drawn.
        undrawn: the arms of which none are.
        named: the arms that are named among all points: the best arms of their questions.
    """

    whole: Summary
    summary: Summary
    others: tuple[ArmSummary, ...]
    told: dict[str, str]
    drawn: Summary
    undrawn: tuple[ArmSummary, ...]
    named: frozenset[str]


def abridged(summary: Summary, shown: MetricFormat) -> Abridged:
    """Picks the arms that are shown: all of them up to ``MOST_ARMS``, else the best, of every question and of all.

    An arm's place is that of its final mean, or of its mean at the last rung it reached, those that finished first.
    """
    expansion = summary.expansion
    if len(summary.arms) <= MOST_ARMS:
        return Abridged(summary, summary, (), {}, summary, (), frozenset(arm.arm.name for arm in summary.arms))
    metric = summary.study.primary_metric
    places = {arm.arm.name: (not arm.finals, _place(arm, metric)) for arm in summary.arms}
    fewer, others = _best(summary, places, SHOWN)
    drawn, undrawn = _best(summary, places, DRAWN)
    told = {
        whole.name: _left_out(whole, own, summary, shown)
        for whole, own in zip(expansion.ablations, fewer.expansion.ablations, strict=True)
        if len(own.arms) < len(whole.arms)
    }
    baseline = expansion.baseline.name
    asked = [[name for _, name in view.arms if name != baseline] for view in expansion.ablations]
    best = {min(names, key=places.__getitem__) for names in asked if names}
    named = frozenset({baseline, *sorted(best, key=places.__getitem__)[:NAMED]})
    return Abridged(summary, fewer, others, told, drawn, undrawn, named)


def _best(
    summary: Summary, places: Mapping[str, tuple[bool, float]], count: int
) -> tuple[Summary, tuple[ArmSummary, ...]]:
    """Returns the study with the best arms of every question and of all, its verdicts those of all; and the others."""
    expansion = summary.expansion
    views = []
    kept = {expansion.baseline.name, *sorted(places, key=places.__getitem__)[:count]}
    for view in expansion.ablations:
        best = {name for _, name in sorted(view.arms, key=lambda pair: places[pair[1]])[:count]}
        kept |= best
        views.append(
            replace(view, arms=tuple(pair for pair in view.arms if pair[1] in best | {expansion.baseline.name}))
        )
    fewer = replace(
        summary,
        prepared=replace(summary.prepared, expansion=expansion.with_views(tuple(views))),
        arms=tuple(arm for arm in summary.arms if arm.arm.name in kept),
        judged=summary.verdicts,
    )
    return fewer, tuple(arm for arm in summary.arms if arm.arm.name not in kept)


def first_lines(lines: Sequence[str], where: str) -> list[str]:
    """Returns the first lines of a list, and one on how many there are beside, and where they are."""
    more = len(lines) - MOST_LINES
    return list(lines) if more <= 0 else [*lines[:MOST_LINES], f"and {more:,} more: {where}"]


def _place(arm: ArmSummary, metric: str) -> float:
    found = arm.final or arm.at(arm.last_images)
    return math.inf if found is None or not math.isfinite(found.mean) else cost(metric, found.mean)


def _left_out(view: AblationView, own: AblationView, summary: Summary, shown: MetricFormat) -> str:
    kept = {name for _, name in own.arms}
    others = [summary.arm(name) for _, name in view.arms if name not in kept]
    means = sorted(_finals(others))
    spread = (
        f" The final means of the others go from {shown.value(means[0])} to {shown.value(means[-1])}, their median is "
        f"{shown.value(statistics.median(means))}."
        if means
        else " None of the others has a final result."
    )
    return (
        f"The best {plural(len(own.arms), 'arm')} of {len(view.arms):,} are shown.{spread} Every comparison is in "
        "verdicts.json beside the report."
    )


def _finals(arms: Sequence[ArmSummary]) -> Iterator[float]:
    for arm in arms:
        if arm.final is not None and math.isfinite(arm.final.mean):
            yield arm.final.mean
