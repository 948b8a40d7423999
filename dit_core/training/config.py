"""How a trial is trained; the defaults are the paper's recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from dit_core.base import Added, Config, Irrelevant
from dit_core.errors import UserError, unknown

PRECISIONS = ("float32", "bfloat16")
LONGEST = 12**-0.5
"""The relative length of the plain mean of all steps."""


class TrainingConfig(Config):
    """Optimisation of one trial (Peebles & Xie, arXiv 2212.09748, section 4).

    Attributes:
        batch_size: global batch, in images; every worker takes an equal share.
        optimizer: a name in ``dit_core.parts.OPTIMIZERS``.
        learning_rate: the optimiser's learning rate at the end of the warm-up.
        learning_rate_schedule: how it goes on from there, a name in ``dit_core.parts.LEARNING_RATE_SCHEDULES``.
        decay_images: training images at which a learning rate that falls is zero; 0 for one that does not.
        warmup_images: training images over which the learning rate rises linearly from zero.
        beta1: AdamW's first beta.
        beta2: AdamW's second beta.
        weight_decay: the optimiser's decoupled weight decay.
        gradient_clip: norm that the gradient of a step, over all weights, is scaled down to where it is larger (Pascanu
            et al., arXiv 1211.5063, section 3.2); 0 leaves every gradient as it is.
        class_dropout: probability of replacing a label by the null class.
        alignment_weight: weight of the similarity between a block's tokens and ``data.features`` in the loss (REPA;
            needs ``model.alignment_layer`` and ``model.alignment_width``); 0 for none.
        mask_ratio: share of the image tokens that a training step leaves out of the blocks (needs
            ``model.mask_token``); evaluation never leaves any out.
        attention_dropout: probability that a training step leaves out an attention weight of a block; evaluation never
            does.
        mlp_dropout: probability that it leaves out a value that a block's pointwise network puts out.
        ema_decays: decays, per step, of the exponential moving averages of the weights that are kept, each a copy of
            the weights in memory and checkpoints; the first is evaluated unless the evaluation names another.
        ema_warmup: ramp every decay as ``min(decay, (1 + step) / (10 + step))`` so that short runs do not evaluate
            the initial weights.
        ema_lengths: relative lengths of the power-function averages (EDM2) that are kept beside those.
        initial_weights: checkpoint to start from instead of random weights: a file or folder in the layout of the
            official code or of diffusers.
        precision: ``float32`` or ``bfloat16`` (autocast; weights and optimiser stay float32).
        tf32: allow TensorFloat-32 matrix products on GPUs that have them.
        compile: run the network through ``torch.compile``.
        micro_batch: images that a worker puts through the network at once, whose gradients add up to those of its
            share of the batch; 0 for the whole share. A resumed trial goes on with the size that its checkpoint names.
        activation_checkpointing: keep of every block only what goes in, and compute the rest anew in the backward pass
            (Chen et al., arXiv 1604.06174): a third more arithmetic for a fraction of the memory.
        divergence_mse: a logging window whose mean squared error is above this ends the trial as
            diverged (predicting zero noise scores 1.0). It decides how far a trial goes, so another limit makes
            another trial, and none takes over what diverged by a stricter one.
        log_every_steps: steps in one point of the training curve; does not change the weights.
    """

    batch_size: int = Field(256, gt=0)
    optimizer: str = "adamw"
    learning_rate: float = Field(1e-4, gt=0)
    learning_rate_schedule: Annotated[str, Added(as_before="constant")] = "constant"
    decay_images: Annotated[int, Added(as_before=0)] = Field(0, ge=0)
    warmup_images: int = Field(0, ge=0)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    gradient_clip: Annotated[float, Added(as_before=0.0)] = Field(0.0, ge=0)
    class_dropout: float = Field(0.1, ge=0, lt=1)
    alignment_weight: Annotated[float, Added(as_before=0.0)] = Field(0.0, ge=0)
    mask_ratio: float = Field(0.0, ge=0, lt=1)
    attention_dropout: Annotated[float, Added(as_before=0.0)] = Field(0.0, ge=0, lt=1)
    mlp_dropout: Annotated[float, Added(as_before=0.0)] = Field(0.0, ge=0, lt=1)
    ema_decays: tuple[float, ...] = (0.9999,)
    ema_warmup: bool = False
    ema_lengths: Annotated[tuple[float, ...], Added(as_before=())] = ()
    initial_weights: str | None = None
    precision: str = "float32"
    tf32: bool = False
    compile: bool = False
    micro_batch: Annotated[int, Irrelevant("parts of a batch add up to it but for rounding")] = Field(0, ge=0)
    activation_checkpointing: Annotated[bool, Irrelevant("what is computed anew has the same bits")] = False
    divergence_mse: float = Field(4.0, gt=1)
    log_every_steps: Annotated[int, Irrelevant("how often the curve is drawn")] = Field(25, gt=0)

    @field_validator("precision")
    @classmethod
    def _precision(cls, value: str) -> str:
        if value not in PRECISIONS:
            raise unknown("training.precision", value, PRECISIONS)
        return value

    @field_validator("ema_lengths")
    @classmethod
    def _ema_lengths(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        for length in value:
            if not 0 < length < LONGEST:
                raise UserError(
                    f"training.ema_lengths: {length:g} given; allowed: above 0 and below {LONGEST:.3g}, the length of "
                    "the plain mean over all steps"
                )
        if len(set(value)) != len(value):
            raise UserError(f"training.ema_lengths: {', '.join(map(repr, value))} names a length twice")
        return value

    @field_validator("ema_decays")
    @classmethod
    def _ema_decays(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value:
            raise UserError("training.ema_decays: empty; give at least one, e.g. 0.9999 (0 is the raw weights)")
        for decay in value:
            if not 0 <= decay < 1:
                raise UserError(f"training.ema_decays: {decay:g} given; allowed: at least 0 and less than 1")
        if len(set(value)) != len(value):
            raise UserError(f"training.ema_decays: {', '.join(map(repr, value))} names a decay twice")
        return value
