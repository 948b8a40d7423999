"""What the contestants work on: a model's shape, synthetic images or latents, and the options of the command."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from dit_core.config import TrialConfig
from dit_core.data.base import ImageDataset, Inputs, Split, flip_some, to_uint8
from dit_core.data.config import DataConfig
from dit_core.errors import UserError, parse
from dit_core.model.config import ModelConfig
from dit_core.training.config import PRECISIONS
from search_spaces.profiles import DIGITS, PAPER

DIGITS_SHAPE = "digits"
IMAGES = 1024


@dataclass(frozen=True)
class Workload:
    """What is timed; everything that travels to the contestants' processes.

    Attributes:
        size: ``S``, ``B``, ``L``, ``XL`` of the paper's table 1, or ``digits``, the shape of the digits profile.
        patch_size: side of a patch, for the paper's sizes.
        batch: images in a step, or sampled at once.
        steps: training steps in a turn, or sampling steps.
        precision: of ours and of the peer with the usual switches.
        compile: whether those two compile the network.
        fused_attention: whether the plain peer uses the fused attention.
        device: ``cpu`` or ``cuda``.
        guidance: classifier-free guidance scale of sampling.
        threads: processor threads; None leaves PyTorch's choice.
    """

    size: str
    patch_size: int
    batch: int
    steps: int
    precision: str
    compile: bool
    fused_attention: bool
    device: str
    guidance: float
    threads: int | None

    @property
    def model(self) -> ModelConfig:
        """The network."""
        if self.size == DIGITS_SHAPE:
            return DIGITS.config.model
        return parse(ModelConfig, {"patch_size": self.patch_size, **asdict(PAPER.sizes[self.size])}, "--patch-size")

    @property
    def title(self) -> str:
        """The network's usual name."""
        return f"DiT-{self.size}/{self.model.patch_size}"

    def trial(self) -> TrialConfig:
        """Returns the trial that ours runs: the paper's recipe on this model."""
        return parse(
            TrialConfig,
            {
                "model": self.model,
                "training": {
                    "batch_size": self.batch,
                    "precision": self.precision,
                    "compile": self.compile,
                    "tf32": True,
                    "log_every_steps": self.steps,
                    "divergence_mse": 1e9,
                },
                "evaluation": {
                    "num_samples": self.batch + 1,
                    "batch_size": self.batch,
                    "sampling_steps": self.steps,
                    "guidance_scale": self.guidance,
                },
            },
        )

    def begin(self) -> torch.device:
        """Readies a contestant's process; returns the device."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        return torch.device(self.device)


class Synthetic(ImageDataset):
    """Standard normal images, or the means and deviations of latents, which are sampled like cached ones."""

    name = "synthetic"

    def __init__(self, model: ModelConfig) -> None:
        self.num_classes, self.channels, self.size = model.num_classes, model.in_channels, model.input_size
        self.image_shape = (self.channels, self.size, self.size)
        self.fingerprint = "synthetic"
        draws = torch.Generator().manual_seed(0)
        shape = (IMAGES, *self.image_shape)
        self.mean = torch.randn(shape, generator=draws)
        self.deviation = 0.1 * torch.rand(shape, generator=draws) if self.channels == 4 else None
        self.labels = torch.randint(self.num_classes, (IMAGES,), generator=draws)

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        raise NotImplementedError("built from a model's shape")

    def count(self, split: Split) -> int:
        return IMAGES

    def batch(self, indices: Tensor, flip: Tensor | None = None) -> Inputs:
        std = None if self.deviation is None else flip_some(self.deviation[indices], flip)
        return Inputs(flip_some(self.mean[indices], flip), self.labels[indices], std)

    def reference(self, split: Split, batch_size: int = 256) -> Iterator[Tensor]:
        for start in range(0, IMAGES, batch_size):
            yield to_uint8(self.mean[start : start + batch_size])


def positive(text: str) -> int:
    """Reads a whole number above zero."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a whole number above zero")
    return number


def parser(description: str, *, steps_help: str) -> argparse.ArgumentParser:
    """Returns a parser with the options that both benchmarks have."""
    sizes = [DIGITS_SHAPE, *PAPER.sizes]
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = found.add_argument
    add("--size", choices=sizes, help="the network (default: XL on a GPU, digits on the CPU)")
    add("--patch-size", type=positive, default=2, help="patch size of the paper's sizes (default: 2)")
    add("--batch", type=positive, help="images at once (default: 32 on a GPU, 64 for digits, else 4)")
    add("--steps", type=positive, help=steps_help)
    add("--rounds", type=positive, default=5, help="turns of each contestant (default: 5)")
    add(
        "--precision",
        choices=PRECISIONS,
        help="of ours and the switched peer (default: bfloat16 on a GPU, else float32)",
    )
    add("--compile", action=argparse.BooleanOptionalAction, default=True, help="ours and the switched peer")
    add("--unfused-attention", action="store_true", help="the plain peer writes the softmax out (timm before 0.9)")
    add("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=positive, help="processor threads of each contestant (default: PyTorch's choice)")
    add("--profile", action="store_true", help="print where the time of one of our turns goes")
    add("--json", type=Path, help="write everything measured to this file")
    return found


def workload(given: argparse.Namespace, *, steps: dict[str, int], guidance: float = 1.0) -> Workload:
    """Returns what the command line asks for.

    Args:
        given: the parsed options.
        steps: default of ``--steps`` on the ``cuda`` and ``cpu`` devices.
        guidance: guidance scale.
    """
    if given.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device: cuda given; this machine has no GPU that PyTorch can use; allowed: cpu")
    size = given.size or ("XL" if given.device == "cuda" else DIGITS_SHAPE)
    batch = given.batch or (32 if given.device == "cuda" else 64 if size == DIGITS_SHAPE else 4)
    return Workload(
        size=size,
        patch_size=given.patch_size,
        batch=batch,
        steps=given.steps or steps[given.device],
        precision=given.precision or ("bfloat16" if given.device == "cuda" else "float32"),
        compile=given.compile,
        fused_attention=not given.unfused_attention,
        device=given.device,
        guidance=guidance,
        threads=given.threads,
    )
