"""This machine's GPUs, as PyTorch sees them, for whoever runs nothing on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Cards:
    """The GPUs that this process may use.

    Attributes:
        names: their names, one each; empty without a GPU.
        memory: bytes of the first one's memory; None without a GPU.
        cuda: the version of CUDA that PyTorch was built with; None without CUDA.
    """

    names: tuple[str, ...]
    memory: int | None
    cuda: str | None


@cache
def cards() -> Cards:
    """Returns the GPUs of this machine."""
    import torch  # takes seconds, which studies for processors need not wait for

    found = range(torch.cuda.device_count()) if torch.cuda.is_available() else range(0)
    names = tuple(torch.cuda.get_device_name(index) for index in found)
    memory = torch.cuda.get_device_properties(0).total_memory if names else None
    return Cards(names, memory, torch.version.cuda)
