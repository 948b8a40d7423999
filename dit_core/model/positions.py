"""How tokens know where they are, by name. To add one: its functions below, and one line in ``dit_core.parts``.

Shape legend: N images, H heads, T image tokens, E extra tokens, S tokens that are kept, D token width, K head width,
R pairs of a head's values that are rotated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dit_core.model.config import ModelConfig
from dit_core.model.embedders import MAX_PERIOD, position_table


@dataclass(frozen=True)
class Position:
    """What a network does about positions; with no part, attention sees a set of patches.

    Attributes:
        table: returns what is added to the embedded patches, (1, T, D); one that learns is drawn from N(0, 0.02).
        rotation: returns cosine and sine, (2, T, R), of the angles by which attention turns queries and keys.
        bias: returns what one block's attention adds to its scores.
    """

    table: Callable[[ModelConfig], nn.Parameter] | None = None
    rotation: Callable[[ModelConfig], Tensor] | None = None
    bias: Callable[[ModelConfig], RelativeBias] | None = None


class RelativeBias(nn.Module):
    """A learned number for every head and every offset between two tokens, added to their attention score.

    Liu et al., Swin Transformer, arXiv 2103.14030, section 3.2, with the whole image as one window: (2 s - 1)^2 offsets
    of an image of s x s tokens, in every block its own. The table starts at zero, as in BEiT (arXiv 2106.08254), so a
    network starts as one without positions. Tokens that have no place in the image get no bias.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros((2 * _side(config) - 1) ** 2, config.num_heads))

    def forward(self, offsets_NSS: Tensor | None, tokens: int) -> Tensor:
        """Returns the biases of a sequence, (N or 1, H, S + E, S + E).

        Args:
            offsets_NSS: rows of the table for every pair of image tokens; see ``offsets``.
            tokens: S + E, length of the sequence.

        Raises:
            ValueError: there are no offsets.
        """
        if offsets_NSS is None:
            raise ValueError("relative positions need the offsets between tokens in `common`")
        extra = tokens - offsets_NSS.shape[-1]
        return F.pad(self.table[offsets_NSS].permute(0, 3, 1, 2), (0, extra, 0, extra))


def offsets(config: ModelConfig) -> Tensor:
    """Returns the row of ``RelativeBias.table`` for every pair of tokens, (T, T) int64: by row, then by column."""
    side = _side(config)
    index_T = torch.arange(side)
    row_T, column_T = index_T.repeat_interleave(side), index_T.repeat(side)
    down_TT, right_TT = (place_T[:, None] - place_T + side - 1 for place_T in (row_T, column_T))
    return down_TT * (2 * side - 1) + right_TT


def sequence_offsets(offsets_TT: Tensor, keep_NS: Tensor | None) -> Tensor:
    """Returns the offsets between the image tokens that are there, (N or 1, S, S)."""
    return offsets_TT.unsqueeze(0) if keep_NS is None else offsets_TT[keep_NS[:, :, None], keep_NS[:, None, :]]


def sincos(config: ModelConfig) -> nn.Parameter:
    """Returns the paper's fixed 2-D sin-cos table."""
    return nn.Parameter(position_table(config.hidden_size, _side(config)), requires_grad=False)


def learned(config: ModelConfig) -> nn.Parameter:
    """Returns a table with one learned row per token (Dosovitskiy et al., arXiv 2010.11929, section 3.1)."""
    return nn.Parameter(torch.zeros(1, config.num_tokens, config.hidden_size))


def rotary(config: ModelConfig) -> Tensor:
    """Returns the rotations of 2-D axial rotary positions.

    Su et al., arXiv 2104.09864, section 3.2, with the row and the column each turning half of the pairs (Heo et al.,
    arXiv 2403.13298, section 3). The frequencies are ``10000^(-k / (R / 2))``, k = 0 .. R / 2 - 1, those of
    the sin-cos table at a head's width. A head width that is no multiple of 4 keeps its last values unturned.
    """
    side = _side(config)
    quarter = config.hidden_size // config.num_heads // 4
    frequency_F = MAX_PERIOD ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    index = torch.arange(side, dtype=torch.float64)
    angle_TR = torch.cat(
        [
            place_T.unsqueeze(1) * frequency_F
            for place_T in (index.repeat(side), index.repeat_interleave(side))  # column, row
        ],
        dim=1,
    )
    return torch.stack((angle_TR.cos(), angle_TR.sin())).float()


def rotate(x_NHTK: Tensor, rotation_2NTR: Tensor) -> Tensor:
    """Turns the pairs (i, i + R) of every head by the token's angles; later values stay as they are.

    Args:
        x_NHTK: queries or keys.
        rotation_2NTR: cosine and sine, (2, N or 1, T, R).
    """
    cos_N1TR, sin_N1TR = rotation_2NTR.unsqueeze(2)
    pairs = cos_N1TR.shape[-1]
    a_NHTR, b_NHTR, rest = x_NHTK.split((pairs, pairs, x_NHTK.shape[-1] - 2 * pairs), dim=-1)
    turned = (a_NHTR * cos_N1TR - b_NHTR * sin_N1TR, a_NHTR * sin_N1TR + b_NHTR * cos_N1TR, rest)
    return torch.cat(turned, dim=-1).to(x_NHTK.dtype)


def sequence_rotation(rotation_2TR: Tensor, keep_NS: Tensor | None, extra: int) -> Tensor:
    """Returns the rotations of a whole sequence, (2, N or 1, S + E, R).

    Args:
        rotation_2TR: the image tokens' rotations.
        keep_NS: the image tokens that are there; None for all.
        extra: how many tokens follow that have no place in the image; they are not turned.
    """
    rotation_2NTR = rotation_2TR.unsqueeze(1) if keep_NS is None else rotation_2TR[:, keep_NS]
    cos_NTR, sin_NTR = rotation_2NTR
    return torch.stack((F.pad(cos_NTR, (0, 0, 0, extra), value=1.0), F.pad(sin_NTR, (0, 0, 0, extra))))


def _side(config: ModelConfig) -> int:
    return config.input_size // config.patch_size


SINCOS = Position(table=sincos)
LEARNED = Position(table=learned)
ROTARY = Position(rotation=rotary)
SINCOS_PLUS_ROTARY = Position(table=sincos, rotation=rotary)
"""LightningDiT (Yao et al., arXiv 2501.01423) has both."""
RELATIVE = Position(bias=RelativeBias)
NONE = Position()
