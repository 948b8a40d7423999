"""No early stopping: every trial is measured at every rung and at the budget."""

from __future__ import annotations

from search_spaces.types import Expansion
from service.policies.base import Plan, Policy, unresolved
from service.records.results import Results


class RunEverything(Policy):
    """Runs every trial to the budget; only a trial that diverged or failed is not continued."""

    def plan(self, expansion: Expansion, results: Results) -> Plan:
        """Returns every measurement that is missing, the earliest rung first."""
        return Plan(
            wanted=tuple(
                (trial, images)
                for images in expansion.study.milestones
                for trial in expansion.trials
                if unresolved(results[trial.name], images)
            )
        )
