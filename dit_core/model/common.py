"""What every block of a network is given alike, and what attention takes from it.

Shape legend: N images, H heads, T image tokens, S image tokens that are there, E extra tokens, D token width, R rotated
pairs of a head, L blocks.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Dropped(NamedTuple):
    """Which values a training step sets to zero (dropout; Srivastava et al., JMLR 15, 2014).

    Attributes:
        kept: true where a value stays, of the shape of the values; or (L, ...) for all blocks.
        scale: factor on the values that stay, so that their mean stays what it was.
    """

    kept: Tensor
    scale: float

    def of_block(self, index: int) -> Dropped:
        """Returns one block's part."""
        return Dropped(self.kept[index], self.scale)


class Common(NamedTuple):
    """What a block is given besides tokens and embeddings.

    Attributes:
        rotation_2NTR: cosine and sine of the angles of rotary positions, (2, N or 1, S + E, R).
        offsets_NSS: which row of a table of relative positions belongs to a pair of image tokens, (N or 1, S, S).
        shared: what the family's ``Shared`` module returned.
        attention_dropout: of the attention weights, (N, H, S + E, S + E); in training only.
        mlp_dropout: of the pointwise network's output, (N, S + E, D); in training only.
    """

    rotation_2NTR: Tensor | None = None
    offsets_NSS: Tensor | None = None
    shared: Tensor | None = None
    attention_dropout: Dropped | None = None
    mlp_dropout: Dropped | None = None

    def of_block(self, index: int) -> Common:
        """Returns what one block is given of what belongs to all of them."""
        if self.attention_dropout is None and self.mlp_dropout is None:
            return self
        return self._replace(
            attention_dropout=None if self.attention_dropout is None else self.attention_dropout.of_block(index),
            mlp_dropout=None if self.mlp_dropout is None else self.mlp_dropout.of_block(index),
        )


NOTHING = Common()


def drop(x: Tensor, dropped: Dropped | None) -> Tensor:
    """Returns ``x`` with some values set to zero and the others scaled; ``x`` itself where nothing is dropped."""
    return x if dropped is None else x * (dropped.kept.to(x.dtype) * dropped.scale)
