"""Hyperband's brackets over the arms of a study: some are judged from the first rung on, others later."""

from __future__ import annotations

import math
from typing import ClassVar

from search_spaces.types import Arm, Expansion
from service.policies.audit import HalvingOptions
from service.policies.base import Policy
from service.policies.contract import Look
from service.policies.ranking import ranking
from service.records.decisions import Stop
from service.records.results import Results


class Hyperband(Policy):
    """Successive halving in brackets, each of which begins to halve at another rung (Li et al., arXiv 1603.06560).

    Hyperband hedges against rungs that say little: it runs successive halving with several grace periods. It draws
    new configurations for each bracket; here the arms are given, so they are dealt out to the brackets in turn, in the
    study's order. Bracket ``b`` of as many as there are rungs begins at rung ``b``. At each rung from there on the best
    ``1 / eta`` of a bracket's arms continue, rounded up. Arms are ranked as by the policy ``rungs``, within their
    bracket; the baseline is in none and always continues.
    """

    name: ClassVar[str] = "hyperband"
    comparison: ClassVar[str] = (
        "arms compared within brackets of them on the mean over seeds, at equal images seen, once every arm had got "
        "there"
    )

    class Options(HalvingOptions):
        """How sharply is halved."""

    options: Options

    def looks(self, expansion: Expansion) -> tuple[Look, ...]:
        """Returns the rungs."""
        return tuple(Look(str(rung), rung) for rung in expansion.study.rungs)

    def decide(
        self, look: Look, arms: tuple[Arm, ...], expansion: Expansion, results: Results
    ) -> tuple[tuple[str, ...], tuple[Stop, ...]]:
        """Ranks the arms of every bracket that has begun, and keeps the best share of each."""
        rungs = expansion.study.rungs
        of = {arm.name: place % len(rungs) for place, arm in enumerate(expansion.arms[1:])}
        compared: set[str] = set()
        stops: list[Stop] = []
        for bracket in range(len(rungs)):
            names = [arm.name for arm in arms if of[arm.name] == bracket]
            found = ranking(names, look.images, expansion, results)
            compared |= set(found.measured)
            if rungs[bracket] <= look.images:
                keep = math.ceil(round(len(found.order) / self.options.eta, 9))
                stops += found.stops(keep, f" of bracket {bracket + 1}")
        return tuple(arm.name for arm in arms if arm.name in compared), tuple(stops)
