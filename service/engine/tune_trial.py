"""Ray Tune's side in its trials: a light function that sees one segment through."""

from __future__ import annotations

import json
from typing import Any

import ray
from ray import tune


def segment_trial(config: dict[str, Any]) -> None:
    """Gives its segment to the dispatcher and waits for how it ends.

    Args:
        config: the segment, and where the dispatcher is.
    """
    dispatcher = ray.get_actor(config["dispatcher"], namespace=config["namespace"])
    outcome = ray.get(dispatcher.run.remote(config["segment"]))
    # as text: Tune flattens what is nested
    tune.report({"outcome": json.dumps(outcome), "images": outcome["images"], "trial": config["segment"]["trial"]})
