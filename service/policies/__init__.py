"""Stopping policies: a registry entry and one new file add one."""

from __future__ import annotations

from dit_core.errors import parse
from dit_core.registry import Registry
from search_spaces.study import PolicySpec
from service.policies.asha import Asha
from service.policies.base import Policy
from service.policies.brief_then_top_k import BriefThenTopK
from service.policies.contract import Decisions, Look, Plan, Proposals
from service.policies.futility import Futility
from service.policies.hyperband import Hyperband
from service.policies.none import RunEverything
from service.policies.not_run import NotRunPolicy
from service.policies.race import Race
from service.policies.rungs import Rungs

POLICIES: Registry[type[Policy]] = Registry(
    "policy",
    {kind.name: kind for kind in (RunEverything, Futility, Rungs, Asha, Hyperband, BriefThenTopK, Race)},
    subclass_of="service.policies.base:Policy",
)

__all__ = ["POLICIES", "Decisions", "Look", "Plan", "Policy", "Proposals", "create"]


def create(spec: PolicySpec) -> Policy:
    """Builds the policy a study names; a stand-in for one that is code from outside and has not been run here.

    Raises:
        UserError: the name or an option is unknown, or an option's value is not allowed.
    """
    if not POLICIES.runs(spec.name):
        return NotRunPolicy(spec.name, spec.options)
    kind = POLICIES.get(spec.name, "policy.name")
    policy = kind(parse(kind.Options, spec.options, f"policy {spec.name}"))
    origin = POLICIES.origins.get(spec.name)
    policy.source = None if origin is None else origin.source
    return policy
