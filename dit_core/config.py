"""The one typed config: it describes a trial completely and round-trips through JSON."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from dit_core.base import Config, Irrelevant
from dit_core.checks import check
from dit_core.data.config import DataConfig
from dit_core.diffusion.config import DiffusionConfig
from dit_core.metrics.config import EvaluationConfig
from dit_core.model.config import ModelConfig
from dit_core.training.config import TrainingConfig


class TrialConfig(Config):
    """One configuration with one seed. How long it trains is not part of it: training longer continues.

    Attributes:
        model: the network.
        diffusion: the noise process.
        data: the images.
        training: the optimisation.
        evaluation: sampling and metrics; never changes the weights.
        seed: the seed of initialisation, data order, timesteps, noise and evaluation noise.
    """

    model: ModelConfig = ModelConfig()
    diffusion: DiffusionConfig = DiffusionConfig()
    data: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: Annotated[EvaluationConfig, Irrelevant("measures weights: eval_id has it")] = EvaluationConfig()
    seed: int = Field(0, ge=0, lt=2**31)

    def with_seed(self, seed: int) -> TrialConfig:
        """Returns the same configuration with another seed."""
        return self.model_copy(update={"seed": seed})

    @property
    def evaluated_decay(self) -> float:
        """Decay of the average that is evaluated, unless ``evaluation.ema_length`` names another; 0: raw weights."""
        asked = self.evaluation.ema_decay
        return self.training.ema_decays[0] if asked is None else asked

    @property
    def grid_columns(self) -> int:
        """Images in a row of the sample grid: one per class, where that makes a row."""
        classes = self.model.num_classes
        return min(classes if 2 <= classes <= 16 else 8, self.evaluation.grid_images)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check(self)
        return self
