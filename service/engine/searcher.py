"""Ray Tune's side in the driver: a ``Searcher`` that asks the policy what to run next."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from service.engine.causes import TUNE_TRIAL
from service.engine.ledger import Ledger
from service.engine.segment import Segment
from service.engine.wire import LOST, SegmentResult


class PolicySearcher(Searcher):  # type: ignore[misc]
    """Suggests the ledger's next segment; Tune enumerates, places and counts, the policy decides.

    ``suggest`` returns None while everything wanted is in flight, or enough of it (Tune asks again), and ``FINISHED``
    when the policy wants nothing more. Tune keeps no state that matters: results are in the store.

    Args:
        ledger: the study's book-keeping.
        room: how many Tune trials there may be at once, asked each time: the lanes become more and fewer.
    """

    def __init__(self, ledger: Ledger, room: Callable[[], int]) -> None:
        super().__init__(metric=None, mode=None)
        self.ledger, self._room = ledger, room
        self._segments: dict[str, Segment] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Returns the configuration of the next Tune trial."""
        if self.ledger.finished:
            return str(Searcher.FINISHED)
        if len(self._segments) >= self._room():
            return None
        segment = self.ledger.next()
        if segment is None:
            return None
        self._segments[trial_id] = segment
        return {"segment": segment.to_json()}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Settles the segment of a Tune trial that has ended."""
        segment = self._segments.pop(trial_id)
        if error or result is None or "result" not in result:
            self.ledger.settle(segment, SegmentResult(LOST, error="its Ray Tune trial died", cause=TUNE_TRIAL))
        else:
            self.ledger.settle(segment, SegmentResult.from_json(json.loads(result["result"])))

    def __getstate__(self) -> dict[str, Any]:
        """Keeps nothing where Tune puts its objects aside: the store is the state."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Saves nothing: the store is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Restores nothing: the store is the state."""
