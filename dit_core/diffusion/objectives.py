"""What the network predicts, by name. To add one: an ``Objective`` and a line in ``dit_core.parts``.

Every process here mixes an image and noise, ``x_t = signal * x_0 + scale * noise``, and every objective's target is
another mix of the two. Two equations with two unknowns: x_t and the prediction give back the image and the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Mix = Callable[[Tensor, Tensor], tuple[Tensor | float, Tensor | float]]
"""(signal, scale) -> how much of x_0 and how much of the noise the target holds."""


@dataclass(frozen=True)
class Objective:
    """A prediction target ``of_x0 * x_0 + of_noise * noise``.

    Attributes:
        target: its two coefficients as functions of signal and scale.
    """

    target: Mix

    def coefficients(self, signal: Tensor, scale: Tensor) -> dict[str, Tensor]:
        """Returns the target's coefficients, and those that turn x_t and an output into x_0 and into noise.

        Args:
            signal: (S,) share of the image in x_t.
            scale: (S,) share of the noise in x_t.
        """
        of_x0, of_noise = (torch.ones_like(signal) * share for share in self.target(signal, scale))
        determinant = signal * of_noise - scale * of_x0
        return {
            "target_x0": of_x0,
            "target_noise": of_noise,
            "x0_of_xt": of_noise / determinant,
            "x0_of_output": -scale / determinant,
            "noise_of_xt": -of_x0 / determinant,
            "noise_of_output": signal / determinant,
        }


NOISE = Objective(lambda signal, scale: (0.0, 1.0))
"""Ho et al., arXiv 2006.11239, eq. 14."""
X0 = Objective(lambda signal, scale: (1.0, 0.0))
"""Salimans & Ho, arXiv 2202.00512, section 4."""
V = Objective(lambda signal, scale: (-scale, signal))
"""Salimans & Ho, arXiv 2202.00512, section 4 and appendix D."""
FLOW = Objective(lambda signal, scale: (-1.0, 1.0))
"""The velocity d x_t / d t of the straight path (SiT, arXiv 2401.08740, section 2; rectified flow, 2209.03003)."""
