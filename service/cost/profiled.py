"""What timing a few steps of an arm has found."""

from __future__ import annotations

from dataclasses import dataclass

from service.records.kinds import Hardware


@dataclass(frozen=True)
class Profile:
    """What a few steps took, in seconds of wall-clock.

    Attributes:
        hardware: what they ran on.
        threads: torch threads of each worker.
        train: of training on one image, window by window.
        sampling_step: of one sampling step of one image, guidance included, batch by batch.
        fixed: of turning one sample into an image, which the VAE does for latents.
        score: of one image's features, batch by batch.
        memory: peak memory of a worker, in bytes.
    """

    hardware: Hardware
    threads: int
    train: tuple[float, ...]
    sampling_step: tuple[float, ...]
    fixed: float
    score: tuple[float, ...]
    memory: float
