"""Optimisers by name. To add one: a new file with a ``Builder`` and one line here."""

from __future__ import annotations

from dit_core.registry import Registry
from dit_core.training.optimizers.adamw import adamw
from dit_core.training.optimizers.base import Builder, Member, Optimizers
from dit_core.training.optimizers.muon import muon

OPTIMIZERS: Registry[Builder] = Registry("optimizer", {"adamw": adamw, "muon": muon})

__all__ = ["OPTIMIZERS", "Builder", "Member", "Optimizers"]
