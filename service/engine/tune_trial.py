"""Ray Tune's side in its trials: a light function that sees one segment through."""

from __future__ import annotations

import json
from typing import Any

import ray
from ray import tune

from service.engine.segment import Segment
from service.engine.wire import SegmentResult


def segment_trial(config: dict[str, Any]) -> None:
    """Gives its segment to the dispatcher and waits for how it ends.

    Args:
        config: the segment as plain data, and where the dispatcher is.
    """
    dispatcher = ray.get_actor(config["dispatcher"], namespace=config["namespace"])
    segment = Segment(**config["segment"])
    result: SegmentResult = ray.get(dispatcher.run.remote(segment))
    # as text: Tune flattens what is nested
    tune.report({"result": json.dumps(result.to_json()), "images": result.images, "trial": segment.trial})
