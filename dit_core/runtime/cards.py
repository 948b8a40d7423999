"""This machine's GPUs, as PyTorch sees them, for whoever runs nothing on them."""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DEVICES = ("nvidia", "nvhost", "nvmap", "nvgpu", "kfd", "dxg")
"""How the files in ``/dev`` begin that Linux has where there is a GPU that PyTorch knows."""


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
    return _without_any() if "torch" not in sys.modules and _has_no_device() else asked()


def asked() -> Cards:
    """Returns the GPUs of this machine, as PyTorch says."""
    import torch  # takes seconds, which studies for processors need not wait for

    found = range(torch.cuda.device_count()) if torch.cuda.is_available() else range(0)
    names = tuple(torch.cuda.get_device_name(index) for index in found)
    memory = torch.cuda.get_device_properties(0).total_memory if names else None
    return Cards(names, memory, torch.version.cuda)


def _has_no_device() -> bool:
    """Whether Linux has no device file of a GPU; PyTorch, which takes seconds to import, would find none."""
    try:
        return sys.platform == "linux" and not any(name.startswith(_DEVICES) for name in os.listdir("/dev"))
    except OSError:
        return False


def _without_any() -> Cards:
    """No GPU, and the version of CUDA as it stands in PyTorch's own file."""
    found = importlib.util.find_spec("torch")
    path = None if found is None or found.origin is None else Path(found.origin).with_name("version.py")
    return asked() if path is None or not path.is_file() else Cards((), None, runpy.run_path(str(path)).get("cuda"))
