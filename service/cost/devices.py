"""What devices can do at most, and which share of that such networks get out of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dit_core.config import TrialConfig
from dit_core.runtime.processor import processor
from service.cost.interval import Interval

GPU_UTILISATION = Interval(0.20, 0.35, 0.50)
"""Share of a card's dense peak that training and sampling transformers reach. Model-flops utilisations that were
published for training: 21.3 % GPT-3, 30.2 % Megatron-Turing NLG, 32.5 % Gopher, 46.2 % PaLM (Chowdhery et al., arXiv
2204.02311, table 3). Communication, optimiser and averages are in it."""

CPU_UTILISATION = Interval(0.10, 0.35, 0.60)
"""The same for a processor. Arms of digits reached 0.22 to 0.50 on the machine of docs/benchmarks.md."""

EAGER_OPERATOR = Interval(4e-6, 7e-6, 12e-6)
"""Seconds that PyTorch takes to launch one operator on a GPU. Small networks wait for that, not for the arithmetic."""
OPERATORS_PER_LAYER = 30
"""Operators of one DiT block's forward pass; a training step launches about three times as many."""


@dataclass(frozen=True)
class Device:
    """One worker's device.

    Attributes:
        name: what people call it.
        float32: dense peak in float32, in 10^12 floating-point operations a second (a multiply-add is two).
        tf32: the same with TensorFloat-32.
        bfloat16: the same in bfloat16.
        memory: bytes; None where it is the machine's.
        utilisation: share of the peak that is reached.
        launches: whether operators are launched one by one from a host.
    """

    name: str
    float32: float
    tf32: float
    bfloat16: float
    memory: float | None
    utilisation: Interval
    launches: bool

    def peak(self, config: TrialConfig) -> float:
        """Returns the operations a second that a trial's precision allows at most."""
        if config.training.precision == "bfloat16":
            return self.bfloat16 * 1e12
        return (self.tf32 if config.training.tf32 else self.float32) * 1e12


A100 = Device("A100", 19.5, 156.0, 312.0, 80e9, GPU_UTILISATION, launches=True)
"""NVIDIA A100 80GB SXM, data sheet of June 2021 (without sparsity)."""
H100 = Device("H100", 67.0, 494.5, 989.5, 80e9, GPU_UTILISATION, launches=True)
"""NVIDIA H100 SXM5, data sheet: half of the printed figures, which are with sparsity, for TF32 and bfloat16."""
H200 = Device("H200", 67.0, 494.5, 989.5, 141e9, GPU_UTILISATION, launches=True)
"""NVIDIA H200 SXM, data sheet: the arithmetic of H100 with more and faster memory."""

CARDS = (A100, H100, H200)

_UNKNOWN_MHZ = 2500.0


def this_processor(cores: int) -> Device:
    """Returns so many cores of this machine's processor.

    Its peak is cores x clock x operations a cycle: 32 in float32 with two 256-bit fused multiply-add units (AVX2, and
    AVX-512 on AMD's Zen 4, which runs it on those), 64 with two of 512 bits (Intel), 16 with two of 128 bits or less.

    Args:
        cores: threads that one worker computes with.
    """
    per_cycle, mhz = _instructions()
    peak = cores * mhz * 1e6 * per_cycle / 1e12
    return Device(f"{cores} x {processor()}", peak, peak, peak, None, CPU_UTILISATION, launches=False)


def card_named(name: str) -> Device | None:
    """Returns the card that a device's name speaks of, e.g. ``cuda: NVIDIA H100 80GB HBM3``."""
    return next((card for card in CARDS if card.name in name), None)


def _instructions() -> tuple[int, float]:
    """Operations a cycle and the clock in MHz, as far as the kernel tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    flags = set(found.get("flags", "").split())
    try:
        mhz = float(found.get("cpu MHz", ""))
    except ValueError:
        mhz = _UNKNOWN_MHZ
    if "avx512f" in flags and found.get("vendor_id") == "GenuineIntel":
        return 64, mhz
    return (32 if "fma" in flags else 16), mhz
