"""What the report was made with: versions and machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from dit_core.runtime.hardware import processor

PACKAGES = ("dit-ablate", "torch", "ray", "mlflow", "torch-fidelity", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    """Returns Python's and the main packages' versions, of those that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Describes the machine in one line: processor, cores, accelerators."""
    import torch

    cores = os.cpu_count() or 1
    text = f"{processor()}, {cores} core{'s' if cores > 1 else ''}, {platform.system()}"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        text += "; " + ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))
    return text
