"""Trials that want a measurement which cannot be made now: another study trains their weights, or a try is to wait."""

from __future__ import annotations

import time

from service.records.kinds import TrialClaim

LOOK_SECONDS = 1.0
"""Pause between two looks at weights that another study trains."""


class HeldUp:
    """Which trials are held up, and until when."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._until)

    def by(self, owner: TrialClaim, trial: str) -> bool:
        """Holds a trial up while a study trains its weights; returns whether that is news to a person."""
        self.wait(trial, LOOK_SECONDS)
        news = (owner.study, trial) not in self._told
        self._told.add((owner.study, trial))
        return news

    def wait(self, trial: str, seconds: float) -> None:
        """Holds a trial up for a while."""
        self._until[trial] = time.monotonic() + seconds

    def due(self) -> list[str]:
        """Returns the trials whose time has come; they are held up no longer."""
        now = time.monotonic()
        found = [trial for trial, until in self._until.items() if until <= now]
        for trial in found:
            del self._until[trial]
        return found
