"""The pointwise networks of a block, by name. To add one: a module and one line in ``dit_core.parts``.

Every one is built from the token width D and the hidden width H of the plain MLP, whose parameters it must match.

Shape legend: N images, T tokens, D token width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


class Mlp(nn.Module):
    """The paper's pointwise network: linear, tanh-approximated GELU, linear.

    Subclasses differ in the activation alone, so they share its initial weights and its cost.
    """

    cost_part = "mlp"

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x_NTD: Tensor) -> Tensor:
        """Maps (N, T, D) to (N, T, D)."""
        out: Tensor = self.fc2(self.activation(self.fc1(x_NTD)))
        return out

    @staticmethod
    def activation(x: Tensor) -> Tensor:
        """Applies the non-linearity, value by value (Hendrycks & Gimpel, arXiv 1606.08415, section 2)."""
        return F.gelu(x, approximate="tanh")


class ExactGeluMlp(Mlp):
    """As ``Mlp``, with GELU by the error function, ``x * Phi(x)``, instead of its approximation."""

    @staticmethod
    def activation(x: Tensor) -> Tensor:
        """Applies the non-linearity, value by value (Hendrycks & Gimpel, arXiv 1606.08415, section 2)."""
        return F.gelu(x)


class ReluMlp(Mlp):
    """As ``Mlp``, with ReLU (Vaswani et al., arXiv 1706.03762, equation 2)."""

    @staticmethod
    def activation(x: Tensor) -> Tensor:
        """Applies the non-linearity, value by value."""
        return F.relu(x)


class SiluMlp(Mlp):
    """As ``Mlp``, with SiLU, ``x * sigmoid(x)`` (Elfwing et al., arXiv 1702.03118; Swish, arXiv 1710.05941)."""

    @staticmethod
    def activation(x: Tensor) -> Tensor:
        """Applies the non-linearity, value by value."""
        return F.silu(x)


class SwiGlu(nn.Module):
    """A gated pointwise network: ``fc2(silu(gate) * value)`` (Shazeer, arXiv 2002.05202, equation 6), with biases.

    Three matrices instead of two, so its hidden width is about two thirds of the plain network's.
    """

    cost_part = "mlp"

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        narrow = swiglu_width(width, hidden)
        self.fc1 = nn.Linear(width, 2 * narrow)
        self.fc2 = nn.Linear(narrow, width)

    def forward(self, x_NTD: Tensor) -> Tensor:
        """Maps (N, T, D) to (N, T, D)."""
        gate_NTH, value_NTH = self.fc1(x_NTD).chunk(2, dim=-1)
        out: Tensor = self.fc2(F.silu(gate_NTH) * value_NTH)
        return out


def swiglu_width(width: int, hidden: int) -> int:
    """Returns the hidden width whose parameters come nearest to those of a plain MLP, biases included.

    Args:
        width: token width D.
        hidden: hidden width H of the plain MLP, with 2 D H + H + D parameters; a gated one has 3 D h + 2 h + D.
    """
    return max(1, round((2 * width + 1) * hidden / (3 * width + 2)))


Pointwise = Callable[[int, int], nn.Module]
"""Takes the token width D and the hidden width H of the plain MLP."""
