"""A study that searches, as several: its own arms, and each generation of proposals, so that like meets like.

A generation is compared within itself, at every rung, as the arms of a study are: successive halving then has as many
brackets as there are generations (Hyperband; Li et al., arXiv 1603.06560, whose brackets draw new configurations). A
decision about an earlier generation stands, and says nothing about a later one.
"""

from __future__ import annotations

from dataclasses import replace

from search_spaces.types import Expansion

OWN = ""
"""The group of the arms that nobody had to propose."""


def groups(expansion: Expansion) -> dict[str, Expansion]:
    """Returns group -> the study as if it had the baseline and the arms of this group only.

    The group of an arm is the question that first asked for it. ``OWN`` is always there, and first.
    """
    proposals = next((view for view in expansion.ablations if view.action == "PROPOSE"), None)
    asked_by = {} if proposals is None else proposals.asked_by
    names = dict.fromkeys((OWN, *asked_by.values()))
    found = {}
    for name in names:
        arms = tuple(arm for arm in expansion.arms if arm.is_baseline or asked_by.get(arm.name, OWN) == name)
        kept = {arm.name for arm in arms}
        views = tuple(view for view in expansion.ablations if view is not proposals)
        if name != OWN and proposals is not None:
            rows = tuple(row for row in proposals.arms if row[1] in kept)
            views = (replace(proposals, arms=rows, adds=tuple(arm for arm in proposals.adds if arm in kept)),)
        found[name] = replace(expansion, arms=arms, ablations=views)
    return found
