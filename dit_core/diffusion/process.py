"""What the training loop and the samplers know of a noise process: how it mixes, and what an output means.

Shapes: N images, C channels, H and W cells; ``t`` holds one time per image, of the kind that ``draw_times`` returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from dit_core.diffusion.config import DiffusionConfig
from dit_core.parts import LOSS_WEIGHTINGS, OBJECTIVES


class Process(ABC):
    """``x_t = signal * x_0 + scale * noise``, and a network that predicts some mix of x_0 and noise.

    Args:
        config: the process, its objective and its loss weighting.
    """

    def __init__(self, config: DiffusionConfig) -> None:
        self.config = config

    @abstractmethod
    def _at(self, t: Tensor, *names: str) -> list[Tensor]:
        """Returns the named coefficients at ``t``, each (N, 1, 1, 1) float32 on the device of ``t``."""

    @abstractmethod
    def network_time(self, t: Tensor) -> Tensor:
        """Returns what the network is told about times ``t``, (N,), on the scale of 0 .. ``num_timesteps``."""

    @abstractmethod
    def level(self, time: float) -> float:
        """Returns the noise level of one training time: 0 is data, 1 is noise."""

    def _coefficients(self, signal: Tensor, scale: Tensor) -> dict[str, Tensor]:
        """Returns every coefficient that the methods below ask for, each with the shape of ``signal``."""
        weighting = LOSS_WEIGHTINGS.get(self.config.loss_weighting, "diffusion.loss_weighting")
        found = OBJECTIVES.get(self.config.objective, "diffusion.objective").coefficients(signal, scale)
        weight = weighting(self.config, (signal / scale).square(), found["x0_of_output"].square())
        return {"signal": signal, "scale": scale, **found, "weight": weight}

    def q_sample(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Draws ``x_t`` given ``x_0``.

        Args:
            x0: (N, C, H, W) images or latents.
            t: (N,) times.
            noise: (N, C, H, W) standard normal.
        """
        signal, scale = self._at(t, "signal", "scale")
        return signal * x0 + scale * noise

    def predict_x0(self, xt: Tensor, t: Tensor, output: Tensor) -> Tensor:
        """Returns the ``x_0`` that a prediction (N, C, H, W) at ``x_t`` amounts to."""
        of_xt, of_output = self._at(t, "x0_of_xt", "x0_of_output")
        return of_xt * xt + of_output * output

    def predict_noise(self, xt: Tensor, t: Tensor, output: Tensor) -> Tensor:
        """Returns the noise that a prediction (N, C, H, W) at ``x_t`` amounts to."""
        of_xt, of_output = self._at(t, "noise_of_xt", "noise_of_output")
        return of_xt * xt + of_output * output

    def target(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Returns what the network should have predicted, (N, C, H, W)."""
        of_x0, of_noise = self._at(t, "target_x0", "target_noise")
        return of_x0 * x0 + of_noise * noise

    def losses(self, model_output: Tensor, x0: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the two terms of the training loss; ``weighted`` applies to the first.

        Args:
            model_output: (N, C, H, W) float32; a Gaussian process also takes a learned variance after it.
            x0: (N, C, H, W) images or latents.
            xt: (N, C, H, W) from ``q_sample``.
            t: (N,) times.
            noise: (N, C, H, W) that made ``xt``.

        Returns:
            (N,) mean squared error of the prediction, unweighted, and (N,) variational term (zeros here).
        """
        mse = (self.target(x0, t, noise) - model_output[:, : x0.shape[1]]).square().flatten(1).mean(1)
        return mse, torch.zeros_like(mse)

    def weighted(self, mse: Tensor, t: Tensor) -> Tensor:
        """Returns (N,) squared errors times ``config.loss_weighting`` at their times."""
        (weight,) = self._at(t, "weight")
        return weight.flatten() * mse
