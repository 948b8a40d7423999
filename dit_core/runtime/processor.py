"""The processor that this process computes on, in words that can be compared."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path


@cache
def processor() -> str:
    """Returns the model of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def cpu_name() -> str:
    """Returns this machine's processor as a kind of device, as hardware is recorded: ``cpu: <model>``."""
    return f"cpu: {processor()}"
