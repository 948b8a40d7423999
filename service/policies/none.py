"""No early stopping: every trial is measured at every rung and at the budget."""

from __future__ import annotations

from typing import ClassVar

from service.policies.base import Policy


class RunEverything(Policy):
    """Runs every trial to the budget; only a trial that diverged or was given up is not continued."""

    name: ClassVar[str] = "none"
