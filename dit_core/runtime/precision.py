"""bfloat16 autocast and TensorFloat-32 as settings of a trial."""

from __future__ import annotations

import torch

from dit_core.training.config import TrainingConfig


def configure(config: TrainingConfig) -> None:
    """Sets whether GPUs may use TensorFloat-32; set both ways, since a worker runs trial after trial."""
    torch.set_float32_matmul_precision("high" if config.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = config.tf32


def autocast(config: TrainingConfig, device: torch.device) -> torch.autocast:
    """Returns the context the network runs in; losses and sampling stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16")
