"""The classifier of digits whose features ``fd_digits_cnn`` compares, and its committed weights."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from safetensors import safe_open

from dit_core.metrics.features.small_cnn import SmallCNN

WEIGHTS = Path(__file__).with_name("digits_cnn.safetensors")


@functools.cache
def load_digits_cnn(device: torch.device) -> tuple[SmallCNN, dict[str, str]]:
    """Returns the trained classifier on ``device`` and what its file says about it; cached per process."""
    with safe_open(WEIGHTS, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        about = dict(file.metadata() or {})
    model = SmallCNN(channels=1, side=8, outputs=10)
    model.load_state_dict(state)
    return model.eval().requires_grad_(False).to(device), about
