"""What a segment is called in the records: which weights, where it ends, and how they are measured there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dit_core.identity import digest

_KNOWN = 16


def segment_name(train_id: str, until: int, config: Mapping[str, Any]) -> str:
    """Returns the name of the segment that measures weights at ``until`` images as a configuration (JSON) says."""
    measured = digest({"evaluation": config.get("evaluation"), "vae": config.get("data", {}).get("vae")})
    return f"{weights_in(train_id)}@{until}-{measured[:8]}"


def weights_in(train_id: str) -> str:
    """Returns what a segment's name says of its weights."""
    return train_id[:_KNOWN]


def read_name(name: str) -> tuple[str, int]:
    """Returns the weights, as ``weights_in`` has them, and where the segment ended; -1 where the name is another's."""
    weights, _, rest = name.partition("@")
    until = rest.partition("-")[0]
    return weights, int(until) if until.isdecimal() else -1
