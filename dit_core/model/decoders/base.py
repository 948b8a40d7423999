"""The contract of a decoder.

Shape legend: N images, T tokens, D token width, C channels, H and W height and width.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from dit_core.model.common import NOTHING, Common
from dit_core.model.config import ModelConfig


class Noised(NamedTuple):
    """What the network was given, for decoders that look at it again.

    Attributes:
        x_NCHW: the noised image.
        t_ND: timestep embedding.
        position_1TD: what the network adds to its embedded patches, if anything.
        places: where the image's tokens are, for ``SelfAttention``.
    """

    x_NCHW: Tensor
    t_ND: Tensor
    position_1TD: Tensor | None = None
    places: Common = NOTHING


class Decoder(nn.Module):
    """Turns normed image tokens into the predicted image.

    To add one: write a file with a subclass here, register it in ``dit_core.parts``.

    - ``__init__`` takes the whole ``ModelConfig``; ``config.out_channels`` is C.
    - ``forward`` gets tokens (N, T, D) in row order, after the block family's final norm, and returns (N, C, H, W).
      It also gets what the network was given, which most decoders have no use for.
    - ``initialise`` runs after the common initialisation (xavier-uniform linears and convolutions, zero biases) and
      must zero the last layer, and nothing else but gates: every decoder then predicts exactly zero at first, so that
      none has a head start, and the last layer's gradient is not zero, so that training gets off the ground.
    - All of its work is booked as ``decoder``, that of layers which blocks use as well included: ``cost_whole``.
    """

    cost_part = "decoder"
    cost_whole = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, x_NTD: Tensor, noised: Noised | None = None) -> Tensor:
        """Maps (N, T, D) to (N, C, H, W).

        Args:
            x_NTD: what the blocks made of the image's tokens.
            noised: what the network was given.
        """
        raise NotImplementedError

    def initialise(self) -> None:
        """Zeroes the last layer."""
        raise NotImplementedError


def unpatchify(x_NTE: Tensor, patch_size: int) -> Tensor:
    """Puts patches back in place.

    Args:
        x_NTE: one flattened patch per token, (N, T, p * p * C), pixel by pixel with the channels innermost.
        patch_size: side p of a patch.

    Returns:
        The image, (N, C, sqrt(T) * p, sqrt(T) * p).
    """
    count, tokens, _ = x_NTE.shape
    side = round(tokens**0.5)
    x_NhwpqC = x_NTE.reshape(count, side, side, patch_size, patch_size, -1)
    return x_NhwpqC.permute(0, 5, 1, 3, 2, 4).reshape(count, -1, side * patch_size, side * patch_size)
