"""What the machine is, and what it can do at most."""

from __future__ import annotations

import os
from time import perf_counter

import checkout  # noqa: F401 (before everything that imports dit_core)
import torch

from dit_core.runtime.processor import processor

DENSE_BF16_TFLOPS = {
    "A100": 312.0,
    "H100 NVL": 835.0,
    "H100 PCIe": 756.0,
    "H100": 989.4,
    "H200 NVL": 835.0,
    "H200": 989.4,
}
"""Part of a card's name -> its makers' dense bfloat16 figure, the longest match first."""

TURNS = 5


def peak_flops(device: torch.device) -> tuple[float, str]:
    """Returns the most floating-point operations per second to hope for, and a sentence on where that is from."""
    if device.type == "cuda":
        card = torch.cuda.get_device_name(device)
        for name in sorted(DENSE_BF16_TFLOPS, key=len, reverse=True):
            if name in card:
                return DENSE_BF16_TFLOPS[name] * 1e12, f"{DENSE_BF16_TFLOPS[name]:g} TFLOP/s, {name} dense bfloat16"
    size = 8192 if device.type == "cuda" else 1024
    rates = {str(dtype).split(".")[1]: matmul_flops(size, dtype, device) for dtype in (torch.float32, torch.bfloat16)}
    best = max(rates, key=lambda name: rates[name])
    return rates[best], f"{rates[best] / 1e12:.3g} TFLOP/s, the best of {TURNS} {size}x{size} matrix products in {best}"


def matmul_flops(size: int, dtype: torch.dtype, device: torch.device) -> float:
    """Returns the operations per second of the fastest of some square matrix products."""
    left, right = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
    seconds = []
    for _ in range(TURNS + 1):  # the first warms up
        start = perf_counter()
        for _ in range(10):
            left @ right
        synchronize(device)
        seconds.append((perf_counter() - start) / 10)
    return 2 * size**3 / min(seconds[1:])


def synchronize(device: torch.device) -> None:
    """Waits for everything queued on a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def machine(device: torch.device) -> str:
    """Returns one line on the machine and how busy it is."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    card = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    return (
        f"{processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads{card}; torch {torch.__version__}; "
        f"load average {load}"
    )
