"""This machine's GPUs, as PyTorch sees them, for whoever runs nothing on them."""

from __future__ import annotations

import ctypes
import runpy
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


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
    """Returns the GPUs of this machine.

    Where there can be none, PyTorch is not imported to find that out: it takes seconds, and 300 MB of a process that
    may stay for as long as a study runs.
    """
    built = _built_with()
    if built is not None and built.get("hip") is None and not _has_driver():
        return Cards((), None, built.get("cuda"))
    return asked()


def asked() -> Cards:
    """Returns the GPUs of this machine, as PyTorch says."""
    import torch

    found = range(torch.cuda.device_count()) if torch.cuda.is_available() else range(0)
    names = tuple(torch.cuda.get_device_name(index) for index in found)
    memory = torch.cuda.get_device_properties(0).total_memory if names else None
    return Cards(names, memory, torch.version.cuda)


def _built_with() -> dict[str, Any] | None:
    """What PyTorch says of its own build, in a file of its own; None where it is laid out otherwise or imported."""
    spec = find_spec("torch") if "torch" not in sys.modules and sys.platform == "linux" else None
    file = Path(spec.origin).with_name("version.py") if spec is not None and spec.origin is not None else None
    found = runpy.run_path(str(file)) if file is not None and file.is_file() else {}
    return found if "cuda" in found else None


def _has_driver() -> bool:
    """Whether NVIDIA's driver is here, without which CUDA has no GPU."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True
