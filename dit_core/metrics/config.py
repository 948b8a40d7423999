"""How a trained trial is sampled and scored; changing any of it never retrains."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from dit_core.base import Added, Config, Irrelevant
from dit_core.errors import UserError, unknown

LABELS = ("uniform", "balanced")


class EvaluationConfig(Config):
    """Sampling and metrics at a rung, of one of the weight averages that training keeps.

    Attributes:
        metrics: names in ``dit_core.parts.METRICS``.
        num_samples: generated images per evaluation.
        sampler: a name in ``dit_core.parts.SAMPLERS``; None takes the objective's own (``ddpm``, for flow
            ``euler``).
        sampling_steps: network evaluations per image, whatever the sampler; guidance makes each of them two.
        guidance_scale: classifier-free guidance; 1.0 is none.
        guidance_channels: leading channels that are guided; None takes the first three of four, or all.
        guidance_interval: share of the noise levels (0 is data, 1 is noise) between which guidance is on; None is
            everywhere.
        labels: how labels are drawn: ``uniform`` at random, or ``balanced`` (every class equally often).
        seed: which of several draws of labels and noise is evaluated: another one measures the same weights anew, so
            that what evaluation itself adds to the noise can be told. The trial's own seed counts as well.
        ema_decay: which of ``training.ema_decays`` is evaluated; None is the first, 0 the raw weights.
        ema_length: which of ``training.ema_lengths`` is evaluated; None is the average that ``ema_decay`` names.
        batch_size: images sampled at once; changes no image but for the network's rounding.
        grid_images: images of the sample grid, with labels 0, 1, 2, ... and the same noise for every arm.
        inception_weights: local path of Inception-v3 weights for ``fid``, ``kid``, ``precision`` and others; None lets
            torch-fidelity download them.
        dinov2_weights: hub name or local folder of the DINOv2 network for ``fd_dinov2``.
        feature_network: hash of the small network whose features ``fd_<data>_cnn`` compares; ``dit-ablate init`` trains
            it on the training images and keeps it in the cache folder.
        reference_images: folder of images for reference statistics; None uses the training images.
        reference_statistics: ``.npz`` file in the ADM evaluator's format that holds reference statistics, or images;
            instead of ``reference_images``.
        allow_few_samples: let a Fréchet distance run with no more samples than it has features; it is then biased,
            and the details of the result say so.
    """

    metrics: Annotated[tuple[str, ...], Irrelevant("every metric is a measurement of its own")] = ("fd_digits_cnn",)
    num_samples: int = Field(1024, gt=1, le=1_000_000)
    sampler: str | None = None
    sampling_steps: int = Field(50, gt=0, le=1_000_000)
    guidance_scale: float = Field(1.0, ge=0)
    guidance_channels: int | None = Field(None, gt=0)
    guidance_interval: tuple[float, float] | None = None
    labels: str = "uniform"
    seed: Annotated[int, Added(as_before=0)] = Field(0, ge=0, lt=2**31)
    ema_decay: float | None = Field(None, ge=0, lt=1)
    ema_length: Annotated[float | None, Added(as_before=None)] = None
    batch_size: Annotated[int, Irrelevant("noise and labels belong to images, not to batches")] = Field(256, gt=0)
    grid_images: Annotated[int, Irrelevant("shown, not measured")] = Field(40, gt=0, le=10_000)
    inception_weights: str | None = None
    dinov2_weights: str = "facebook/dinov2-large"
    feature_network: Annotated[str | None, Added(as_before=None)] = None
    reference_images: str | None = None
    reference_statistics: str | None = None
    allow_few_samples: bool = False

    @field_validator("metrics")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise UserError(f"evaluation.metrics: {', '.join(value)} names a metric twice")
        return value

    @field_validator("labels")
    @classmethod
    def _labels(cls, value: str) -> str:
        if value not in LABELS:
            raise unknown("evaluation.labels", value, LABELS)
        return value

    @field_validator("feature_network")
    @classmethod
    def _hash(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[0-9a-f]{16}", value):
            raise UserError(
                f"evaluation.feature_network: {value!r:.60} is no hash of a network (16 hex digits); `dit-ablate init "
                "FOLDER` trains one and names it"
            )
        return value

    @field_validator("dinov2_weights")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.strip():
            raise UserError("evaluation.dinov2_weights: empty; give a hub name or a local folder")
        return value

    @model_validator(mode="after")
    def _one_reference(self) -> Self:
        if self.reference_statistics is not None and self.reference_images is not None:
            raise UserError(
                f"evaluation.reference_statistics: {self.reference_statistics!r} given beside "
                f"evaluation.reference_images {self.reference_images!r}; give one of them"
            )
        return self
