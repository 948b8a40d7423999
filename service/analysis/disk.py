"""How much room the checkpoints of a study take."""

from __future__ import annotations

from dit_core.config import TrialConfig
from dit_core.gflops import count
from search_spaces.types import Expansion

_BYTES, _MOMENTS = 4, 2


def checkpoint_bytes(config: TrialConfig) -> int:
    """Returns about how large a checkpoint is: the weights, their averages and two moments, each in float32."""
    averages = sum(decay > 0 for decay in config.training.ema_decays) + len(config.training.ema_lengths)
    return _BYTES * count(config.model, config.training.mask_ratio).params * (1 + averages + _MOMENTS)


def checkpoints_bytes(expansion: Expansion) -> int:
    """Returns about how much room a study's checkpoints take at its end."""
    study = expansion.study
    trained = [arm for arm in expansion.arms if arm.name not in expansion.weights_of]
    kept = len(study.milestones) if study.keep_checkpoints == "all" else 1
    return kept * len(study.seeds) * sum(checkpoint_bytes(arm.config) for arm in trained)
