"""What a process computes on, in words that can be compared."""

from __future__ import annotations

import torch

from dit_core.runtime.processor import cpu_name


def device_name(device: torch.device) -> str:
    """Returns the kind of a device: ``cpu: <model>``, ``cuda: <card>``; equal for two devices of one kind."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return cpu_name() if device.type == "cpu" else device.type
