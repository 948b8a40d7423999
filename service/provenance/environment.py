"""Versions and machine: what a run, and a report, is made with."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from dit_core.runtime.cards import cards
from dit_core.runtime.processor import processor

PACKAGES = ("dit-ablate", "torch", "ray", "mlflow", "torchmetrics", "torch-fidelity", "numpy", "scikit-learn")
VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_DEVICE_ORDER",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "KMP_AFFINITY",
    "MKL_NUM_THREADS",
    "NCCL_DEBUG",
    "NCCL_IB_DISABLE",
    "NCCL_NVLS_ENABLE",
    "NCCL_P2P_DISABLE",
    "NCCL_SOCKET_IFNAME",
    "NVIDIA_TF32_OVERRIDE",
    "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "RAY_JOB_ID",
    "SLURM_JOB_ID",
    "SLURM_JOB_NODELIST",
    "TORCHINDUCTOR_MAX_AUTOTUNE",
    "TORCH_CUDNN_V8_API_DISABLED",
    "TORCH_NCCL_ASYNC_ERROR_HANDLING",
)
"""All that is recorded of the environment: no name that an account, an address or a key is kept under."""


def versions() -> dict[str, str]:
    """Returns the versions of Python, of the main packages that are installed, and of CUDA where PyTorch has it."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if (cuda := cards().cuda) is not None:
        found["cuda"] = cuda
    return found


def machine() -> str:
    """Describes the machine in one line: processor, cores, accelerators."""
    cores = os.cpu_count() or 1
    text = f"{processor()}, {cores} core{'s' if cores > 1 else ''}, {platform.system()}"
    if names := cards().names:
        text += "; " + ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))
    return text


def allowed(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns what of an environment is recorded."""
    return {name: environment[name][:1000] for name in VARIABLES if name in environment}
