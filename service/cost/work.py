"""What an arm has to compute: multiply-adds of its training, its sampling and its scoring."""

from __future__ import annotations

from dataclasses import dataclass

from dit_core.config import TrialConfig
from dit_core.gflops import count, training_gmacs
from service.cost.scoring import decoding_gmacs, scoring_gmacs


@dataclass(frozen=True)
class Work:
    """Billions of multiply-adds, whichever device does them.

    Attributes:
        train: of training on one image: forward pass x 3.
        sample: of sampling all images of one evaluation and its grid.
        score: of one evaluation's feature networks.
        layers: blocks that one forward pass runs through one after another.
        batches: batches that one evaluation is sampled in.
        passes: forward passes that one of these batches takes.
    """

    train: float
    sample: float
    score: float
    layers: int
    batches: float
    passes: int


def work_of(config: TrialConfig) -> Work:
    """Returns what a trial with this configuration has to compute."""
    cost, settings = count(config.model, config.training.mask_ratio), config.evaluation
    per_sample = network_evaluations(config) * cost.gmacs + decoding_gmacs(config)
    return Work(
        train=training_gmacs(cost, 1),
        sample=sampled_images(config) * per_sample,
        score=settings.num_samples * scoring_gmacs(config),
        layers=config.model.depth,
        batches=sampled_images(config) / min(settings.batch_size, settings.num_samples),
        passes=settings.sampling_steps,
    )


def sampled_images(config: TrialConfig) -> int:
    """Returns the images that one evaluation samples: those it scores and those of the grid."""
    return config.evaluation.num_samples + config.evaluation.grid_images


def network_evaluations(config: TrialConfig) -> float:
    """Returns how often the network sees an image that is sampled: every step, twice where guidance is on."""
    settings = config.evaluation
    if settings.guidance_scale == 1.0:
        return float(settings.sampling_steps)
    low, high = settings.guidance_interval or (0.0, 1.0)
    return settings.sampling_steps * (1.0 + min(1.0, max(0.0, high - low)))
