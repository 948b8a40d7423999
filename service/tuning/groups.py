"""A study whose arms are tuned, as two: its arms as they are, and the tuned ones, so that like meets like."""

from __future__ import annotations

from dataclasses import replace

from search_spaces.types import Expansion

OWN = ""
"""The group of the arms as the study has them."""
TUNED = "tuned"
"""The group of the tuned arms, whose baseline is the tuned baseline."""


def groups(expansion: Expansion) -> dict[str, Expansion]:
    """Returns group -> the study as if it had the arms of this group only; that of the tuned arms once there are some.

    So a stopping policy compares tuned arms with each other and with the tuned baseline, which it does not stop, and
    what it decides of the other arms is what it would decide without them.
    """
    views = tuple(view for view in expansion.ablations if not view.tuned_from and view.action != "TUNE")
    found = {OWN: replace(expansion, arms=expansion.asked, ablations=views)}
    again = tuple(view for view in expansion.ablations if view.tuned_from)
    if again:
        names = dict.fromkeys((again[0].reference, *(tuned.name for tuned in expansion.tuned.values())))
        arms = tuple(replace(expansion.arm(name), is_baseline=place == 0) for place, name in enumerate(names))
        found[TUNED] = replace(expansion, arms=arms, ablations=again)
    return found
