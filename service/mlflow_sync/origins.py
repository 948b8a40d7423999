"""Where a trial's weights come from, as its MLflow run shows it."""

from __future__ import annotations

import json
from collections.abc import Callable

from service.mlflow_sync.sync import About
from service.provenance.trials import TrialOrigins
from service.records.store import Store


def origins_for_mlflow(store: Store) -> Callable[[str], About]:
    """Returns what tells the origin of the weights with a ``train_id``; every record is read once."""
    origins = TrialOrigins(store)

    def about(train_id: str) -> About:
        found = origins.of(train_id)
        if not found:
            return About()
        commit = next((run["commit"] for run in reversed(found["runs"]) if run.get("commit")), "")
        tags = {"mlflow.source.git.commit": commit} if commit else {}
        return About(tags, {"provenance.json": json.dumps(found, indent=2, sort_keys=True).encode()})

    return about
