"""Work for arms that are not there yet: what a search will propose, and what arms will get by tuning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from search_spaces.types import Arm, Expansion
from service.cost.remaining import Remaining


def to_come(expansion: Expansion, until: int | None = None) -> tuple[Remaining, ...]:
    """Returns what arms will take that were not proposed yet, booked on the arms that they are changes of.

    A change is taken to cost what the arm costs that it changes. The best few of a search, which are compared again
    with other seeds, count while it has proposals left; after that they are a study that can be looked at.

    Args:
        expansion: the study, with the arms proposed so far.
        until: images at which these arms are taken to be stopped; None for the budget.
    """
    study = expansion.study
    end = study.budget_images if until is None else until
    evaluations = sum(images <= end for images in study.milestones)
    return tuple(
        Remaining(trial, end, evaluations) for arm in _changed(expansion) for trial in expansion.trials_of[arm.name]
    ) + tuple(_finalists(expansion))


def proposals_left(expansion: Expansion) -> int:
    """Returns how many arms a study's search is still to propose."""
    return len(list(_changed(expansion))) if expansion.study.search is not None else 0


def _changed(expansion: Expansion) -> Iterator[Arm]:
    """The arms that further arms will be changes of, each as often as there will be one."""
    search = expansion.study.search
    if search is not None:
        view = next((view for view in expansion.ablations if view.action == "PROPOSE"), None)
        rows = () if view is None else view.arms[1:]
        there = Counter("" if view is None else view.around.get(label, "") for label, _ in rows)
        around = {"": expansion.baseline} if search.around == "baseline" else {arm.name: arm for arm in expansion.asked}
        for name, arm in around.items():
            yield from [arm] * max(0, search.trials - there[name])
    if expansion.study.tune is not None:
        yield from (arm for arm in expansion.asked if arm.name not in expansion.tuned)


def _finalists(expansion: Expansion) -> Iterator[Remaining]:
    """The best few and the baseline, with seeds that the search has not seen."""
    study, search = expansion.study, expansion.study.search
    if search is None or not search.finalists or not proposals_left(expansion):
        return
    trial = expansion.trials_of[expansion.baseline.name][0]
    for _ in range((1 + search.finalists) * len(search.final_seeds)):
        yield Remaining(trial, study.budget_images, 1)
