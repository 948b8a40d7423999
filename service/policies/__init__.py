"""Stopping policies: a registry entry and one new file add one."""

from __future__ import annotations

from dit_core.errors import parse
from dit_core.registry import Registry
from search_spaces.study import PolicySpec
from service.policies.base import Policy
from service.policies.contract import Decisions, Look, Plan, Proposals
from service.policies.none import RunEverything
from service.policies.rungs import Rungs

POLICIES: Registry[type[Policy]] = Registry("policy", {RunEverything.name: RunEverything, Rungs.name: Rungs})

__all__ = ["POLICIES", "Decisions", "Look", "Plan", "Policy", "Proposals", "create"]


def create(spec: PolicySpec) -> Policy:
    """Builds the policy a study names.

    Raises:
        UserError: the name or an option is unknown, or an option's value is not allowed.
    """
    kind = POLICIES.get(spec.name, "policy.name")
    return kind(parse(kind.Options, spec.options, f"policy {spec.name}"))
