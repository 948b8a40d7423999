"""Train everything briefly, then the best few to the end: the plain rule that every other should beat."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import ClassVar

from pydantic import Field

from search_spaces.study import Real, Whole
from search_spaces.types import Arm, Expansion
from service.policies.audit import AuditOptions
from service.policies.base import Policy
from service.policies.contract import Look
from service.policies.ranking import ranking
from service.records.decisions import Stop
from service.records.results import Results


class BriefThenTopK(Policy):
    """Measures all arms at one rung and continues the best share of them to the budget.

    Egele et al. (arXiv 2307.15422) find that it does about as well as methods with many rungs. Arms are ranked as by
    the policy ``rungs``; the baseline always continues.
    """

    name: ClassVar[str] = "brief-then-top-k"
    comparison: ClassVar[str] = (
        "arms compared on the mean over seeds, at equal images seen, once every arm had got there"
    )

    class Options(AuditOptions):
        """How long is brief, and how many continue.

        Attributes:
            keep_fraction: share of the arms that continues, rounded up.
            rung: which of the study's rungs decides, the first is 1; where there are fewer, the last.
        """

        keep_fraction: Real = Field(0.35, gt=0, le=1)
        rung: Whole = Field(1, ge=1)

    options: Options

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns the one rung that decides; none where the study has no rungs."""
        rungs = expansion.study.rungs[: self.options.rung]
        return tuple(Look(str(rung), rung) for rung in rungs[-1:])

    def decide(
        self, look: Look, arms: tuple[Arm, ...], expansion: Expansion, results: Results
    ) -> tuple[tuple[str, ...], tuple[Stop, ...]]:
        """Ranks the arms by their means and keeps the best share."""
        found = ranking([arm.name for arm in arms], look.images, expansion, results)
        keep = math.ceil(Fraction(str(self.options.keep_fraction)) * len(found.order))
        return tuple(found.measured), found.stops(keep)
