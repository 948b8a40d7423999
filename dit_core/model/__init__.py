"""The network: ``DiT(ModelConfig(...))``, with its blocks and decoders by name."""

from __future__ import annotations

from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT

__all__ = ["DiT", "ModelConfig"]
