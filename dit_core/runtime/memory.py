"""The most memory that a process has used since it was last asked to forget."""

from __future__ import annotations

import re
from pathlib import Path

import torch

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_COUNTED_LATE = 16 * 2**20
"""Threads count their pages apart and add them up now and then: the two sizes are never quite of one moment."""


def forget_peak() -> bool:
    """Begins a new measurement.

    On a GPU this is PyTorch's allocator (``torch.cuda.max_memory_allocated``), on Linux otherwise the process's peak
    resident set size (``VmHWM``), which writing 5 to ``clear_refs`` resets (proc(5)).

    Returns:
        Whether the system forgot: some forbid it, and some take the write and do nothing. The peak is then that of the
        whole process so far, and of no use to whoever began the measurement.
    """
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
        return True
    try:
        _FORGET.write_text("5")
    except OSError:
        return False
    peak, held = _resident("VmHWM"), _resident("VmRSS")
    return peak is not None and held is not None and peak - held < _COUNTED_LATE


def peak_memory() -> int | None:
    """Returns the peak since ``forget_peak``, in bytes: of this process's GPU, else of its resident memory.

    None where neither is known.
    """
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    return _resident("VmHWM")


def _resident(name: str) -> int | None:
    """Returns a size of this process as the kernel gives it, in bytes; None where it does not."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.M)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
