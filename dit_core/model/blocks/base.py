"""The contract of a transformer block.

Shape legend: N images, T tokens, E extra tokens, D token width.
"""

from __future__ import annotations

from torch import Tensor, nn

from dit_core.model.common import NOTHING, Common
from dit_core.model.config import ModelConfig
from dit_core.model.layers import Modulation, affine_norm, modulate, plain_norm


class FinalNorm(nn.Module):
    """The norm before the decoder: it learns its own scale (and shift) and is blind to the conditioning."""

    cost_part = "conditioning"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = affine_norm(config)

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor) -> Tensor:
        """Maps image tokens (N, T, D) to (N, T, D)."""
        out: Tensor = self.norm(x_NTD)
        return out

    def initialise(self) -> None:
        """Sets initial values after the network's common initialisation has run."""


class ModulatedFinalNorm(FinalNorm):
    """The norm before the decoder, shifted and scaled by the conditioning (adaLN), which starts at zero."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.norm = plain_norm(config)
        self.adaLN_modulation = Modulation(config.hidden_size, 2)

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor) -> Tensor:
        """Maps image tokens (N, T, D) to (N, T, D)."""
        shift_ND, scale_ND = self.adaLN_modulation(t_ND + y_ND)
        return modulate(self.norm(x_NTD), shift_ND, scale_ND)

    def initialise(self) -> None:
        """Starts without modulation."""
        self.adaLN_modulation.zero()


class Shared(nn.Module):
    """What a network computes once from the conditioning for all of its blocks."""

    cost_part = "conditioning"

    def forward(self, t_ND: Tensor, y_ND: Tensor) -> Tensor:
        """Maps timestep and label embedding to whatever the blocks take as ``Common.shared``."""
        raise NotImplementedError

    def initialise(self) -> None:
        """Sets initial values after the network's common initialisation has run."""


GATES = (2, 5)
"""Which of adaLN-Zero's six vectors (shift, scale, gate of attention, then of the MLP) are gates."""


class Block(nn.Module):
    """One transformer block, and with it how the network is conditioned on timestep and label.

    To add one: write a file with a subclass here, register it in ``dit_core.parts``. The network does the following
    with it, and nothing else::

        x_NTD = patches + positions
        x_NTD = [x_NTD, Block.extra_tokens(t_ND, y_ND)]     # appended behind the image tokens, if any
        common = places of the tokens, Block.shared(config)(t_ND, y_ND) if any, dropout
        for block in blocks: x_NTD = block(x_NTD, t_ND, y_ND, common.of_block(index))
        x_NTD = the first T tokens                          # extra tokens are dropped
        x_NTD = Block.final_norm(config)(x_NTD, t_ND, y_ND)
        return decoder(x_NTD)

    - ``__init__`` takes the whole ``ModelConfig``; ``layers`` has the norms, the attention and the pointwise network
      that it asks for.
    - ``forward`` gets image tokens and extra tokens in one sequence and returns one of the same shape, residual
      connections included. It gets the timestep and label embeddings as they are, with no activation applied. It hands
      ``common`` to its self-attention, and what its pointwise network puts out to ``drop``.
    - ``extra_tokens`` are given to the first block only; later blocks see what the earlier ones made of them.
    - ``shared`` is for families whose blocks take something from one module that belongs to the network.
    - ``final_norm`` belongs to the family, since adaLN networks modulate it and others do not; every decoder of
      a family sees the same one.
    - ``initialise`` runs after the common initialisation (xavier-uniform linears, zero biases).
    - Sub-modules carry ``cost_part`` (``attention``, ``mlp``, ``conditioning``), where ``dit_core.gflops`` books their
      multiply-adds; what the block multiplies outside of them is booked as ``conditioning``.
    """

    cost_part = "conditioning"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common = NOTHING) -> Tensor:
        """Maps (N, T + E, D) to (N, T + E, D).

        Args:
            x_NTD: image tokens, then extra tokens.
            t_ND: timestep embedding.
            y_ND: label embedding.
            common: what every block is given alike.
        """
        raise NotImplementedError

    @staticmethod
    def extra_tokens(t_ND: Tensor, y_ND: Tensor) -> Tensor | None:
        """Returns tokens (N, E, D) to append to the image tokens, or None."""
        return None

    @staticmethod
    def shared(config: ModelConfig) -> Shared | None:
        """Returns the one module whose output all blocks get, or None."""
        return None

    @staticmethod
    def final_norm(config: ModelConfig) -> FinalNorm:
        """Returns the norm between the last block and the decoder."""
        return FinalNorm(config)

    def initialise(self) -> None:
        """Sets initial values after the network's common initialisation has run."""
