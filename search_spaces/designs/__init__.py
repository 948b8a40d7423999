"""The designs of a question beyond one axis: how its words become arms. One file each; see ``docs/designs.md``."""

from __future__ import annotations

from search_spaces.arms import Arms
from search_spaces.designs.grid import GRID, grid_view
from search_spaces.designs.leave_one_out import leave_one_out_view
from search_spaces.designs.within import within_view
from search_spaces.designs.zipped import zip_view
from search_spaces.study import Ablation, LadderStep
from search_spaces.types import AblationView

__all__ = ["GRID", "designed", "grid_view"]


def designed(ablation: Ablation, arms: Arms, ladder: tuple[LadderStep, ...]) -> AblationView | None:
    """Asks for the arms of a question that is more than one axis; None where it is one.

    Args:
        ablation: the question.
        arms: the arms found so far.
        ladder: the study's ladder, whose steps a question may leave out one by one.

    Raises:
        UserError: in one sentence, what makes the design impossible.
    """
    if ablation.grid:
        return grid_view(ablation, arms)
    if ablation.zip:
        return zip_view(ablation, arms)
    if ablation.leave_one_out:
        return leave_one_out_view(ablation, arms, ladder)
    if ablation.within:
        return within_view(ablation, arms)
    return None
