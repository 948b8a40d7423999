"""Audited stopping: some stopped arms, drawn at random, are finished all the same, to learn how often it is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from dit_core.identity import digest
from search_spaces.analysis_plan import analysis_plan
from search_spaces.study import Real
from search_spaces.types import Expansion
from service.policies.contract import Look
from service.records.decisions import Stop


class AuditOptions(BaseModel):
    """What every policy that stops arms can be told.

    Attributes:
        audit: share of the stopped arms that run to the budget all the same, drawn at random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    audit: Real = Field(0.0, ge=0, le=1)


class HalvingOptions(AuditOptions):
    """How sharply is halved.

    Attributes:
        eta: one arm in so many continues at a rung.
    """

    eta: Real = Field(2, gt=1)


def audited(stops: Iterable[Stop], share: float, look: Look, expansion: Expansion) -> tuple[Stop, ...]:
    """Marks the stops that are audited.

    The draw is a pure function of the study (its name, its baseline and its metric), the arm and the look, so that it
    does not depend on what was measured, and a driver that starts again draws the same.

    Args:
        stops: what a look came to.
        share: chance of each to be audited, from 0 to 1.
        look: the look.
        expansion: the study.
    """
    if not share:
        return tuple(stops)
    plan = analysis_plan(expansion)
    about = {
        "study": expansion.study.name,
        "baseline": plan.baseline.model_dump(mode="json"),
        "metric": plan.primary_metric,
        "look": look.name,
    }

    def drawn(arm: str) -> bool:
        return int(digest({"audit": {**about, "arm": arm}})[:16], 16) < share * 2**64

    return tuple(_marked(stop) if drawn(stop.arm) else stop for stop in stops)


def _marked(stop: Stop) -> Stop:
    return replace(stop, audited=True, reason=f"{stop.reason}; drawn to be audited, it runs to the budget all the same")
