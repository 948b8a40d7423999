"""Synchronous successive halving: at each rung the worst share of the arms is not continued."""

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


class Rungs(Policy):
    """Compares arms at each rung, on the mean of the primary metric over seeds, at equal images seen.

    The rule of successive halving (Jamieson & Talwalkar, arXiv 1502.07943), with these choices:

    - Every rung is a look, decided when ``LookPlanner`` says: once every arm that can reach it has.
    - The baseline is not compared and always continues.
    - Of ``n`` compared arms, ``floor(stop_fraction * n)`` are not continued: 5 of 11 at one half, 0 of 1.
    - Lower is better, or higher where the metric says so (``Metric.direction``).
    - An arm of which a seed diverged, or whose metric is not finite, ranks last and is always stopped. (So the
      share can be exceeded.) Its other seeds still run up to the rung.
    - A seed that was given up (its segment kept failing) is left out of its arm's mean; an arm without any
      measured seed is not compared.
    - Equal means keep the study's order: the later arm is stopped.
    """

    name: ClassVar[str] = "rungs"
    comparison: ClassVar[str] = (
        "arms compared on the mean over seeds, at equal images seen, once every arm had got there"
    )

    class Options(AuditOptions):
        """How many arms are stopped, and from when on.

        Attributes:
            stop_fraction: share of the compared arms that are not continued at each rung.
            grace_images: rungs below this many images only measure; no arm is stopped there.
        """

        stop_fraction: Real = Field(0.5, ge=0, lt=1)
        grace_images: Whole = Field(0, ge=0)

    options: Options

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns the rungs from ``grace_images`` on."""
        return tuple(Look(str(rung), rung) for rung in expansion.study.rungs if rung >= self.options.grace_images)

    def decide(
        self, look: Look, arms: tuple[Arm, ...], expansion: Expansion, results: Results
    ) -> tuple[tuple[str, ...], tuple[Stop, ...]]:
        """Ranks the arms by their means and stops the worst share."""
        found = ranking([arm.name for arm in arms], look.images, expansion, results)
        count = math.floor(Fraction(str(self.options.stop_fraction)) * len(found.order))
        return tuple(found.measured), found.stops(len(found.order) - count)
