"""The same bits each time on a GPU, where some of PyTorch's kernels sum in whatever order their threads come."""

from __future__ import annotations

import os

import torch


def require(device: torch.device) -> None:
    """Has training on a GPU choose kernels that give the same bits each time; the CPU's do so by themselves.

    Among them are the backward passes of fused attention and of embeddings: with PyTorch's usual choice a resumed trial
    would differ from one that was not. Where no such kernel exists PyTorch says so, and takes the usual one.
    """
    if device.type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it before its first product
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
