"""What was counted of networks, kept on this machine: counting needs PyTorch, which takes seconds to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dit_core.kept import Kept
from dit_core.model.config import ModelConfig
from dit_core.parts import NAMED_BY

_CODE = Path(__file__).parent
_NAMED = [field.removeprefix("model.") for field in NAMED_BY if field.startswith("model.")]


@dataclass(frozen=True)
class Counted:
    """What was counted of one image's forward pass.

    Attributes:
        params: all parameters.
        trainable_params: parameters that receive gradients.
        macs: part -> multiply-adds.
    """

    params: int
    trainable_params: int
    macs: dict[str, int]


COUNTS = Kept("gflops", Counted, [_CODE / "model", _CODE / "counting.py", _CODE / "parts.py"], ["torch"])
"""Of the networks in ``dit_core.model``, by ``asked``."""


def asked(config: ModelConfig, kept: int | None, training: bool) -> list[Any]:
    """Returns what a count is about.

    Args:
        config: the network.
        kept: tokens that the blocks see; None for all of them.
        training: whether the pass is one in training.
    """
    parts = {name: NAMED_BY[f"model.{name}"].revisions(getattr(config, name)) for name in _NAMED}
    return [config.model_dump(mode="json"), parts, kept, training]
