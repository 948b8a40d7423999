"""The origin of a trial's weights: which runs trained them, on what, from when to when, for how long."""

from __future__ import annotations

from typing import Any

from service.provenance.record import Provenance
from service.records.store import Store


class TrialOrigins:
    """Tells where weights come from; every stretch of a curve is read once.

    Args:
        store: where the records are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, train_id: str) -> dict[str, Any]:
        """Returns the origin of weights as plain JSON data; empty where nothing was trained.

        The differences to the commits are in the origins of the study's runs.
        """
        stretches = self._store.spans(train_id)
        if not stretches:
            return {}
        runs = dict.fromkeys((stretch.study, stretch.run) for stretch in stretches if stretch.run)
        hardware = dict.fromkeys(stretch.hardware for stretch in stretches if stretch.hardware is not None)
        return {
            "runs": [self._run(study, run) for study, run in runs],
            "hardware": [item.model_dump(mode="json") for item in hardware],
            "began": min(stretch.began for stretch in stretches),
            "ended": max(stretch.began + stretch.seconds for stretch in stretches),
            "device_seconds": sum(
                stretch.seconds * (stretch.hardware.workers if stretch.hardware else 1) for stretch in stretches
            ),
        }

    def _run(self, study: str, run: int) -> dict[str, Any]:
        sealed = self._store.records.once(Provenance.key(study, run), Provenance)
        known = {} if sealed is None else sealed.content.model_dump(mode="json", exclude={"diff"})
        return {"study": study, "run": run, **known}
