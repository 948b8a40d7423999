"""What was counted of networks: counting needs PyTorch, which takes seconds to import.

A machine keeps what it has counted itself (``COUNTS``). What another one has counted travels in a study's records and
is told to this process (``tell``); what this machine has counted is believed first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dit_core.identity import digest
from dit_core.kept import Kept
from dit_core.model.config import ModelConfig
from dit_core.parts import NAMED_BY

VERSION = 1
"""Raised by who changes what is counted of a network, or what a network computes; the parts that a config names have
revisions of their own. ``tests/dit_core/data/golden_counts.json`` fails when somebody forgets."""

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


def name_of(question: list[Any]) -> str:
    """Returns what a count is called wherever it is recorded: other machines have other versions of PyTorch."""
    return digest([VERSION, question])


def tell(counts: Mapping[str, Counted]) -> None:
    """Says what others have counted, by ``name_of``; it holds for this process."""
    _told.update(counts)


def told(question: list[Any]) -> Counted | None:
    """Returns what others have counted, if anybody has said so."""
    return _told.get(name_of(question)) if _told else None


_told: dict[str, Counted] = {}
