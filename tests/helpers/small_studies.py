"""Small studies built by hand, and what a policy makes of them."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.types import Expansion
from service.conformance.studies import METRIC, expansion, result, tiny_config
from service.policies import Plan, create
from service.policies.planner import foresee
from service.records.decisions import Decision, Stop, stops_of
from service.records.results import TrialResult

__all__ = ["METRIC", "decided", "expansion", "result", "tiny_config"]


def decided(
    study: Expansion, results: Mapping[str, TrialResult], decisions: Mapping[str, Decision] | None = None
) -> tuple[Plan, tuple[Stop, ...]]:
    """What the study's policy wants, and what is stopped, once everything that can be decided is."""
    planner = create(study.study.policy).planner(study, results, decisions or {}, {})
    foresee(planner)
    return planner.plan, stops_of(planner.decisions.values())
